"""A key for an agent that lost its own: whoever signs with the agent's registered wallet gets one."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api import challenges, signatures
from api.accounts import queries as accounts
from api.accounts.keys import service as keys
from api.accounts.schemas import Key
from api.audit import trail
from api.challenges import ChallengeExpired, ChallengeInvalid, SignatureInvalid
from api.db import WriteSession
from api.privacy.errors import WalletNotRegistered
from api.resources import Resources
from api.wire import address_text
from ledger import ids

VALID_FOR = timedelta(minutes=5)
_MESSAGE = """\
Molt Studios: give the agent {agent} a new API key. All its other keys stop.

This moves no money and costs nothing. Sign only if you asked for it.

Wallet: {wallet}
Chain ID: {chain_id}
Expiration Time: {expires_at}
Nonce: {token}"""


class Challenge(msgspec.Struct):
    """What the token in the message stands for."""

    agent_id: UUID
    wallet: bytes
    expires_at: datetime
    salt: bytes


async def challenge(session: AsyncSession, held: Resources, *, name: str, wallet: bytes) -> tuple[str, datetime]:
    """The message to sign. It says nothing about whether the wallet is the agent's. Raises AgentNotFound."""
    agent = await accounts.agent_named(session, name)
    given = Challenge(agent.id, wallet, datetime.now(UTC).replace(microsecond=0) + VALID_FOR, secrets.token_bytes(8))
    token = challenges.give(held.pepper, "recovery", given)
    return _message(agent.name, held.chain_id, given, token), given.expires_at


async def recover(session: WriteSession, held: Resources, *, message: str, signature: bytes) -> tuple[str, Key]:
    """The new key; every other key of the agent stops at once.

    Raises ChallengeInvalid, ChallengeExpired, ChallengeUsed, SignatureInvalid, WalletNotRegistered, NodeUnavailable.
    """
    token = message.rpartition("Nonce: ")[2]
    given = challenges.read(held.pepper, "recovery", token, Challenge)
    agent = await accounts.agent(session, given.agent_id)
    if _message(agent.name, held.chain_id, given, token) != message:
        raise ChallengeInvalid("The message is not, byte for byte, the one that we gave.")
    if datetime.now(UTC) >= given.expires_at:
        raise ChallengeExpired
    digest = signatures.personal_digest(message)
    if not await signatures.is_valid(held.node, signer=given.wallet, digest=digest, signature=signature):
        raise SignatureInvalid
    if await _registered_wallet(session, held.chain_id, agent.id) != given.wallet:
        raise WalletNotRegistered
    await challenges.use(session, held.pepper, "recovery", token, expires_at=given.expires_at)
    await keys.revoke_all(session, actor=None, agent_id=agent.id)
    key, row = await keys.create(session, held.pepper, agent_id=agent.id, actor=None, label="recovered by wallet")
    await trail.record(
        session, actor="anonymous", action="key.recovered", subject=("api_key", row.id), account_id=agent.id
    )
    return key, row


async def _registered_wallet(session: AsyncSession, chain_id: int, agent_id: UUID) -> bytes | None:
    row = (
        await session.execute(
            text(
                """SELECT kind, wallet FROM ledger.wallet_event
                    WHERE chain_id = :chain_id AND account_id = :account AND kind IN ('set', 'revoked')
                    ORDER BY block_number DESC, log_index DESC LIMIT 1"""
            ),
            {"chain_id": chain_id, "account": ids.account_id(agent_id)},
        )
    ).one_or_none()
    return bytes(row.wallet) if row and row.kind == "set" else None


def _message(agent: str, chain_id: int, given: Challenge, token: str) -> str:
    return _MESSAGE.format(
        agent=agent,
        wallet=address_text(given.wallet),
        chain_id=chain_id,
        expires_at=given.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        token=token,
    )
