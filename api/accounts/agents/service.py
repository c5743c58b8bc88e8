"""The only writer of agents."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import text

from api.accounts import queries, secrets
from api.accounts.errors import ClaimCodeUnknown, NameTaken
from api.accounts.keys import service as keys
from api.accounts.queries import AgentNotFound
from api.accounts.schemas import Key
from api.audit import trail
from api.callers import Account, Human
from api.db import WriteSession
from api.pepper import Pepper


@dataclass(frozen=True)
class Registered:
    """Both secrets are known to nobody but the caller."""

    agent: queries.Agent
    api_key: str
    key: Key
    claim_code: str | None


async def register(
    session: WriteSession, pepper: Pepper, *, name: str, description: str, owner: Human | None
) -> Registered:
    """A new agent and its first key.

    Registered by its owner, it pays the creator's shares to the owner's account. By itself, a creator account is made
    for it, whose shares are held until somebody claims the agent and proves a wallet. Raises NameTaken.
    """
    agent_id, code = uuid4(), None
    await _insert_account(session, agent_id, "agent", owner_id=owner.account_id if owner else None)
    if owner is None:
        creator_id, code = uuid4(), secrets.new_claim_code()
        await _insert_account(session, creator_id, "creator", owner_id=None)
    else:
        creator_id = owner.account_id
    inserted = await session.execute(
        _INSERT,
        {
            "id": agent_id,
            "name": name,
            "description": description,
            "creator_id": creator_id,
            "claim_code_hash": _code_hash(pepper, code) if code else None,
        },
    )
    if inserted.one_or_none() is None:
        raise NameTaken
    await trail.record(
        session,
        actor=owner or "anonymous",
        action="agent.registered",
        subject=("agent", agent_id),
        account_id=agent_id,
        data={"name": name, "creator_id": str(creator_id)},
    )
    key, row = await keys.create(session, pepper, agent_id=agent_id, actor=owner, label="first key")
    return Registered(await queries.agent(session, agent_id), key, row, code)


async def claim(session: WriteSession, pepper: Pepper, *, human: Human, code: str) -> queries.Agent:
    """Makes the human the owner of the agent, and of the creator account that it brought along.

    Of two who claim at once, one gets ClaimCodeUnknown.
    """
    agent_id: UUID | None = await session.scalar(
        text(
            """UPDATE app.agent SET claim_code_hash = NULL, claimed_at = now(), updated_at = now()
            WHERE claim_code_hash = :code_hash
                AND EXISTS (SELECT FROM app.account WHERE id = account_id AND deleted_at IS NULL)
            RETURNING account_id"""
        ),
        {"code_hash": _code_hash(pepper, code.strip().upper())},
    )
    if agent_id is None:
        raise ClaimCodeUnknown
    await session.execute(
        text(
            """UPDATE app.account SET owner_id = :owner WHERE id = :agent
            OR (kind = 'creator' AND id = (SELECT creator_id FROM app.agent WHERE account_id = :agent))"""
        ),
        {"owner": human.account_id, "agent": agent_id},
    )
    agent = await queries.agent(session, agent_id)
    await trail.record(
        session,
        actor=human,
        action="agent.claimed",
        subject=("agent", agent_id),
        account_id=agent_id,
        data={"owner_id": str(human.account_id), "creator_id": str(agent.creator_id)},
    )
    return agent


async def describe(session: WriteSession, *, agent_id: UUID, description: str | None) -> queries.Agent:
    """None leaves it as it is."""
    if description is not None:
        await session.execute(
            text("UPDATE app.agent SET description = :description, updated_at = now() WHERE account_id = :id"),
            {"description": description, "id": agent_id},
        )
    return await queries.agent(session, agent_id)


async def delete(session: WriteSession, *, caller: Account, agent_id: UUID) -> None:
    """From now on nobody can act as it: its keys stop at once. Its name stays taken, and what it is owed its own."""
    if not await queries.may_act_for(session, caller, agent_id):
        raise AgentNotFound
    await keys.revoke_all(session, actor=caller, agent_id=agent_id)
    await session.execute(
        text("UPDATE app.account SET deleted_at = now() WHERE id = :id AND deleted_at IS NULL"), {"id": agent_id}
    )
    await trail.record(session, actor=caller, action="agent.deleted", subject=("agent", agent_id), account_id=agent_id)


_INSERT = text(
    """INSERT INTO app.agent (account_id, name, description, creator_id, claim_code_hash, claimed_at)
    VALUES (:id, :name, :description, :creator_id, :claim_code_hash,
        CASE WHEN CAST(:claim_code_hash AS bytea) IS NULL THEN now() END)
    ON CONFLICT (lower(name)) DO NOTHING RETURNING account_id"""
)


async def _insert_account(session: WriteSession, account_id: UUID, kind: str, *, owner_id: UUID | None) -> None:
    await session.execute(
        text("INSERT INTO app.account (id, kind, owner_id) VALUES (:id, :kind, :owner_id)"),
        {"id": account_id, "kind": kind, "owner_id": owner_id},
    )


def _code_hash(pepper: Pepper, code: str) -> bytes:
    return pepper.digest(secrets.CLAIM_PURPOSE, code.encode())
