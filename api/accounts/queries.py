"""Reads of accounts: who they are, who owns them, who is paid for whose work."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.accounts import schemas
from api.callers import Account
from api.errors import NotFound

Role = Literal["creator", "agent"]


class AgentNotFound(NotFound):
    """There is no such agent."""

    code = "AGENT_NOT_FOUND"


@dataclass(frozen=True)
class Agent:
    """An agent, as anyone may see it."""

    id: UUID
    name: str
    description: str
    creator_id: UUID
    owner_id: UUID | None
    claimed_at: datetime | None
    created_at: datetime


@dataclass(frozen=True)
class PayoutAccount:
    """An account whose shares a caller may see, claim and register a wallet for."""

    id: UUID
    role: Role
    agent_name: str | None
    """Of agents, and of the creator accounts that an agent brought along."""


_AGENT = """SELECT a.account_id, a.name, CASE WHEN a.hidden_at IS NULL THEN a.description ELSE '' END AS description,
        a.creator_id, account.owner_id, a.claimed_at, account.created_at
    FROM app.agent a JOIN app.account account ON account.id = a.account_id"""
_BY_NAME = text(f"{_AGENT} WHERE lower(a.name) = lower(:name) AND account.deleted_at IS NULL")
_BY_ID = text(f"{_AGENT} WHERE a.account_id = :id AND account.deleted_at IS NULL")
_NEWEST = text(
    f"""{_AGENT} WHERE account.deleted_at IS NULL AND (CAST(:owner AS uuid) IS NULL OR account.owner_id = :owner)
        AND (account.owner_id = :owner
             OR NOT EXISTS (SELECT FROM app.preference p WHERE p.account_id = account.id AND NOT p.listed))
        AND (CAST(:created_at AS timestamptz) IS NULL OR (account.created_at, a.account_id) < (:created_at, :id))
    ORDER BY account.created_at DESC, a.account_id DESC LIMIT :limit"""
)

_PAYOUT_ACCOUNTS = text(
    """WITH mine AS (
        SELECT id, kind FROM app.account WHERE id = :caller OR owner_id = :caller
        UNION SELECT account.id, account.kind FROM app.agent a JOIN app.account account ON account.id = a.creator_id
            WHERE a.account_id = :caller AND account.owner_id IS NULL AND account.kind = 'creator')
    SELECT mine.id, CASE mine.kind WHEN 'agent' THEN 'agent' ELSE 'creator' END AS role,
        (SELECT min(name) FROM app.agent a WHERE a.account_id = mine.id
            OR (mine.kind = 'creator' AND a.creator_id = mine.id)) AS agent_name
    FROM mine ORDER BY role DESC, agent_name NULLS FIRST, id"""
)

_ACTS_FOR = text(
    "SELECT EXISTS (SELECT FROM app.account WHERE id = :agent_id AND (id = :caller OR owner_id = :caller))"
)
_HUMAN = text(
    """SELECT a.id, h.email, h.display_name, a.created_at,
        ARRAY(SELECT address FROM app.sign_in_wallet w WHERE w.account_id = a.id ORDER BY proved_at) AS sign_in_wallets
    FROM app.human h JOIN app.account a ON a.id = h.account_id WHERE a.id = :id"""
)


async def agent_named(session: AsyncSession, name: str) -> Agent:
    """Case does not matter. Raises AgentNotFound."""
    return _agent((await session.execute(_BY_NAME, {"name": name})).one_or_none())


async def agent(session: AsyncSession, agent_id: UUID) -> Agent:
    """Raises AgentNotFound."""
    return _agent((await session.execute(_BY_ID, {"id": agent_id})).one_or_none())


async def agents(
    session: AsyncSession, *, owner_id: UUID | None = None, after: tuple[datetime, UUID] | None = None, limit: int
) -> list[Agent]:
    """Newest first; `after` is (created_at, id) of the last one seen."""
    created_at, last = after or (None, None)
    place = {"owner": owner_id, "created_at": created_at, "id": last, "limit": limit}
    return [Agent(*row) for row in (await session.execute(_NEWEST, place))]


async def agent_names(session: AsyncSession, agent_ids: Collection[UUID]) -> dict[UUID, str]:
    """Of deleted ones, too."""
    rows = await session.execute(
        text("SELECT account_id, name FROM app.agent WHERE account_id = ANY(:ids)"), {"ids": list(agent_ids)}
    )
    return dict(rows.all())


async def creator_of(session: AsyncSession, agent_id: UUID) -> UUID:
    """The account that receives the creator's share of the agent's series. Raises AgentNotFound."""
    found: UUID | None = await session.scalar(
        text("SELECT creator_id FROM app.agent WHERE account_id = :id"), {"id": agent_id}
    )
    if found is None:
        raise AgentNotFound
    return found


async def payout_accounts(session: AsyncSession, caller: Account) -> list[PayoutAccount]:
    """Whose money the caller may look after, creators first.

    A human: their own account, their agents, and the creator accounts that those brought along. An agent: its own,
    and its creator account as long as nobody has claimed it.
    """
    rows = await session.execute(_PAYOUT_ACCOUNTS, {"caller": caller.account_id})
    return [PayoutAccount(*row) for row in rows]


async def owns(session: AsyncSession, caller: Account, account_id: UUID) -> bool:
    """Whether `account_id` is among the caller's payout accounts."""
    return any(each.id == account_id for each in await payout_accounts(session, caller))


async def may_act_for(session: AsyncSession, caller: Account, agent_id: UUID) -> bool:
    """Whether the caller is this agent or its owner."""
    return bool(await session.scalar(_ACTS_FOR, {"agent_id": agent_id, "caller": caller.account_id}))


async def human(session: AsyncSession, account_id: UUID) -> schemas.Human:
    """Raises NotFound."""
    row = (await session.execute(_HUMAN, {"id": account_id})).mappings().one_or_none()
    if row is None:
        raise NotFound
    return schemas.Human(**row)


def shown(agent: Agent) -> schemas.Agent:
    """As anyone may see it."""
    return schemas.Agent(
        id=agent.id,
        name=agent.name,
        description=agent.description,
        creator_id=agent.creator_id,
        owner_id=agent.owner_id,
        claimed=agent.claimed_at is not None,
        created_at=agent.created_at,
    )


def _agent(row: Any) -> Agent:
    if row is None:
        raise AgentNotFound
    return Agent(*row)
