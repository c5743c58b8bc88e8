"""Gives challenges, verifies what comes back, and hands it to the registrar. The only writer of `app.wallet`."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from api import challenges, signatures
from api.accounts import queries as accounts
from api.accounts.queries import PayoutAccount
from api.audit import trail
from api.callers import Account, Agent, Human
from api.challenges import ChallengeExpired, ChallengeInvalid, SignatureInvalid
from api.db import ReadSession, WriteSession
from api.resources import Resources
from api.signatures import Counterfactual
from api.wallets import consent, queries, registry
from api.wallets.consent import Challenge, Signed, TypedData
from api.wallets.errors import (
    AccountAmbiguous,
    InvalidWallet,
    KeyCannotChangeWallet,
    NoWalletToChange,
    PayoutAccountNotFound,
    WalletAlreadyRegistered,
    WalletChangePending,
    WrongChain,
)
from api.wire import address_text
from ledger import balances, ids
from relayer import outbox

DEPLOY_GAS_LIMIT = 1_500_000
"""What we pay at most to deploy somebody's ERC-6492 wallet; the usual ones take 250 to 500 thousand."""
_CONFIRMED_WITHIN = timedelta(days=30)
"""Longer ago, somebody must have a reason: anyone may still confirm it."""


async def account(session: ReadSession, caller: Account, account_id: UUID | None) -> PayoutAccount:
    """The payout account whose wallet the caller chooses. Raises PayoutAccountNotFound, AccountAmbiguous.

    An agent chooses its own only: a creator's wallet is chosen by the human, so that an agent's key (or its thief)
    cannot take the creator's share.
    """
    own = await accounts.payout_accounts(session, caller)
    choosable = [each for each in own if isinstance(caller, Human) or each.id == caller.account_id]
    if account_id is not None:
        found = next((each for each in choosable if each.id == account_id), None)
        if found is None:
            raise PayoutAccountNotFound
        return found
    creators = [each for each in choosable if each.role == "creator"] or choosable
    if len(creators) > 1:
        listed = [{"account_id": str(a.id), "role": a.role, "agent_name": a.agent_name} for a in choosable]
        raise AccountAmbiguous(accounts=listed)
    return creators[0]


async def challenge(held: Resources, caller: Account, whose: PayoutAccount, wallet: bytes) -> Challenge:
    """Fits the registry as it stands: a first wallet, or the change of the one that is there.

    Raises InvalidWallet, WalletAlreadyRegistered (the same wallet), NodeUnavailable.
    """
    if not registry.can_be_wallet(held.deployment, wallet):
        raise InvalidWallet
    on_chain = ids.account_id(whose.id)
    current, status = await registry.wallet_of(held.node, held.deployment, on_chain)
    if status == "active" and current == wallet:
        raise WalletAlreadyRegistered(f"{address_text(wallet)} is this account's wallet already.")
    now = await registry.now(held.node)
    return Challenge(
        kind="rotate" if status == "active" else "register",
        account_id=whose.id,
        requested_by=caller.account_id,
        chain_id=held.chain_id,
        splitter=held.deployment.splitter_bytes,
        wallet=wallet,
        old_wallet=current if status == "active" else None,
        is_first=status == "none",
        nonce=await registry.consent_nonce(held.node, held.deployment, on_chain),
        accepted_until=now + consent.ACCEPTED_FOR_SECONDS,
        deadline=now + consent.DEADLINE_SECONDS,
    )


def token(held: Resources, given: Challenge) -> str:
    """What stands for the challenge until it comes back."""
    return challenges.give(held.pepper, "wallet", given)


async def register(session: WriteSession, held: Resources, caller: Account, token: str, signature: bytes) -> UUID:
    """The account's first wallet (or the first after a revocation, which waits like a change): the id of `app.wallet`.

    Raises the problems of `challenges`, WrongChain, WalletAlreadyRegistered, WalletChangePending,
    KeyCannotChangeWallet, NodeUnavailable.
    """
    given = await _read(session, held, caller, token)
    if given.kind != "register":
        raise WalletAlreadyRegistered
    return await _submit(session, held, caller, token, given, signature=signature, cosignature=b"")


async def rotate(
    session: WriteSession,
    held: Resources,
    caller: Account,
    *,
    of_account: UUID,
    token: str,
    signature: bytes,
    cosignature: bytes,
) -> UUID:
    """Another wallet in place of the active one: after 48 hours, or at once if the old one co-signs.

    Raises what `register` raises, and NoWalletToChange.
    """
    given = await _read(session, held, caller, token)
    if given.account_id != of_account:
        raise ChallengeInvalid("This challenge is for another account.")
    if given.kind != "rotate" or given.old_wallet is None:
        raise NoWalletToChange
    if cosignature:
        typed = consent.rotation(held.deployment, given)
        if typed is None:
            raise ChallengeInvalid
        cosignature = await _verified(held, typed, given.old_wallet, cosignature)
    return await _submit(session, held, caller, token, given, signature=signature, cosignature=cosignature)


async def register_deployed(session: WriteSession, held: Resources) -> None:
    """Sends the registrations that waited for an ERC-6492 wallet to be deployed. Raises NodeUnavailable."""
    now = await registry.now(held.node)
    for wallet_id, signed in await queries.awaiting_deployment(session, held.chain_id, now=now):
        if not await held.node.code(signed.wallet):
            continue
        outbox_id = await _send(session, held, wallet_id, consent.transaction(signed))
        await session.execute(
            text("UPDATE app.wallet SET outbox_id = :outbox_id WHERE id = :id"),
            {"outbox_id": outbox_id, "id": wallet_id},
        )


async def confirm_ripe_rotations(session: WriteSession, held: Resources) -> None:
    """Completes announced changes when their 48 hours are over, so that nobody has to come back for it."""
    head = await balances.head(session, held.chain_id)
    if head is None:
        return
    ripe = await queries.accounts_with_ripe_rotation(
        session, held.chain_id, now=head.timestamp, since=head.timestamp - _CONFIRMED_WITHIN
    )
    for account_id, waiting in ripe:
        act = f"confirm:{held.chain_id}:{account_id}:{int(waiting.ready_at.timestamp())}:{waiting.wallet.hex()}"
        if await outbox.status_of_act(session, act) is not None:
            continue
        await outbox.enqueue(
            session,
            key="relayer",
            to=held.deployment.splitter_bytes,
            data=registry.confirm_rotation(ids.account_id(account_id)),
            purpose="wallet_rotation_confirmation",
            dedupe_key=act,
        )
        await trail.record(
            session,
            actor=None,
            action="wallet.rotation_confirmed",
            subject=("account", account_id),
            account_id=account_id,
            data={"wallet": address_text(waiting.wallet)},
        )


async def _read(session: WriteSession, held: Resources, caller: Account, token: str) -> Challenge:
    """The challenge, if it is the caller's, for this deployment, and not too old."""
    given = challenges.read(held.pepper, "wallet", token, Challenge)
    if given.chain_id != held.chain_id or given.splitter != held.deployment.splitter_bytes:
        raise WrongChain(f"This challenge is for chain {given.chain_id}.")
    if given.requested_by != caller.account_id:
        raise ChallengeInvalid("This challenge was given to somebody else.")
    await account(session, caller, given.account_id)
    if await registry.now(held.node) > given.accepted_until:
        raise ChallengeExpired
    return given


async def _submit(
    session: WriteSession,
    held: Resources,
    caller: Account,
    token: str,
    given: Challenge,
    *,
    signature: bytes,
    cosignature: bytes,
) -> UUID:
    if isinstance(caller, Agent) and not given.is_first and not cosignature:
        raise KeyCannotChangeWallet
    verified = await _verified(held, consent.consent(held.deployment, given), given.wallet, signature)
    until = datetime.fromtimestamp(given.deadline, UTC)
    await challenges.use(session, held.pepper, "wallet", token, expires_at=until)
    await session.execute(text("SELECT FROM app.account WHERE id = :id FOR UPDATE"), {"id": given.account_id})
    await _demand_still_true(session, held, given)
    wallet_id, signed = uuid4(), Signed.over(given, verified, cosignature)
    wrapped = signatures.counterfactual(signature)
    deploy_id = outbox_id = None
    if wrapped is not None and not await held.node.code(given.wallet):
        deploy_id = await _deploy(session, held, wallet_id, wrapped)
    else:
        outbox_id = await _send(session, held, wallet_id, consent.transaction(signed))
    await _insert(session, wallet_id, given, signed, outbox_id=outbox_id, deploy_outbox_id=deploy_id)
    await trail.record(
        session,
        actor=caller,
        action="wallet.registration_requested" if given.kind == "register" else "wallet.rotation_requested",
        subject=("wallet", wallet_id),
        account_id=given.account_id,
        data={"wallet": address_text(given.wallet), "chain_id": given.chain_id, "cosigned": bool(cosignature)},
    )
    return wallet_id


async def _demand_still_true(session: WriteSession, held: Resources, given: Challenge) -> None:
    """Raises WalletChangePending, WalletAlreadyRegistered: what the consent says has been overtaken."""
    now = await registry.now(held.node)
    if await queries.is_change_pending(session, held.chain_id, given.account_id, now=now):
        raise WalletChangePending
    nonce = await registry.consent_nonce(held.node, held.deployment, ids.account_id(given.account_id))
    if nonce != given.nonce:
        raise WalletAlreadyRegistered("The account's wallet was changed after this challenge was given.")


async def _verified(held: Resources, typed: TypedData, wallet: bytes, signature: bytes) -> bytes:
    """The signature as the contract takes it. Raises SignatureInvalid, WrongChain, NodeUnavailable."""
    digest = consent.digest(typed)
    if not await signatures.is_valid(held.node, signer=wallet, digest=digest, signature=signature):
        elsewhere = consent.signed_on(typed, wallet, signature)
        if elsewhere is not None:
            raise WrongChain(f"The wallet signed for chain {elsewhere}, and this is chain {held.chain_id}.")
        raise await _refusal(held, wallet, signature)
    wrapped = signatures.counterfactual(signature)
    return wrapped.signature if wrapped else signatures.normalised(signature)


async def _refusal(held: Resources, wallet: bytes, signature: bytes) -> SignatureInvalid:
    """Names the way that works for wallets that sign by their code (docs/wallets.md)."""
    if await held.node.code(wallet):
        return SignatureInvalid(
            f"Neither the key nor the code (ERC-1271) of {address_text(wallet)} gave this signature."
        )
    if len(signature) != signatures.ECDSA_LENGTH and signatures.counterfactual(signature) is None:
        return SignatureInvalid(
            f"There is no contract at {address_text(wallet)} yet.",
            hint="Deploy the wallet first, or wrap its signature as ERC-6492 says: then we deploy it.",
        )
    return SignatureInvalid()


async def _send(session: WriteSession, held: Resources, wallet_id: UUID, data: bytes) -> UUID:
    return await outbox.enqueue(
        session,
        key="registrar",
        to=held.deployment.splitter_bytes,
        data=data,
        purpose="wallet_registration",
        dedupe_key=f"wallet:{wallet_id}",
    )


async def _deploy(session: WriteSession, held: Resources, wallet_id: UUID, wrapped: Counterfactual) -> UUID:
    """By the relayer, which may do nothing that anybody else may not. Raises InvalidWallet for a factory of our own."""
    if wrapped.factory in {held.deployment.usdc_bytes, held.deployment.splitter_bytes}:
        raise InvalidWallet("This is no factory of wallets.")
    return await outbox.enqueue(
        session,
        key="relayer",
        to=wrapped.factory,
        data=wrapped.factory_calldata,
        gas_limit=DEPLOY_GAS_LIMIT,
        purpose="wallet_deployment",
        dedupe_key=f"wallet-deployment:{wallet_id}",
    )


async def _insert(
    session: WriteSession,
    wallet_id: UUID,
    given: Challenge,
    signed: Signed,
    *,
    outbox_id: UUID | None,
    deploy_outbox_id: UUID | None,
) -> None:
    await session.execute(
        text(
            """INSERT INTO app.wallet (id, account_id, chain_id, address, kind, consent_nonce, deadline, signature,
                cosignature, outbox_id, deploy_outbox_id, requested_by)
            VALUES (:id, :account_id, :chain_id, :address, :kind, :nonce, :deadline, :consent, :cosignature,
                :outbox_id, :deploy_outbox_id, :requested_by)"""
        ),
        {
            "id": wallet_id,
            "account_id": given.account_id,
            "chain_id": given.chain_id,
            "address": given.wallet,
            "kind": given.kind,
            "nonce": given.nonce,
            "deadline": given.deadline,
            "consent": signed.consent,
            "cosignature": signed.cosignature,
            "outbox_id": outbox_id,
            "deploy_outbox_id": deploy_outbox_id,
            "requested_by": given.requested_by,
        },
    )
