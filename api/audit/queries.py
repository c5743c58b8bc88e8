"""Reads of the audit trail and of its seals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_EVENTS = """
SELECT e.id, occurred_at, actor_kind, actor_id, action, subject_kind, subject_id, account_id, request_id, data
  FROM app.audit_event e"""
_IS_MINE = """(actor_id = :account OR account_id IN (
            SELECT id FROM app.account WHERE id = :account OR owner_id = :account))"""


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    id: int
    occurred_at: datetime
    actor_kind: str
    actor_id: UUID | None
    action: str
    subject_kind: str
    subject_id: str
    account_id: UUID | None
    request_id: str | None
    data: dict[str, Any]


@dataclass(frozen=True)
class Tip:
    """Where the chain ends: batch, position and hash 0 before the first event."""

    batch: int
    position: int
    hash: bytes
    place: tuple[str, int]
    """(transaction, id) of the last event sealed."""


@dataclass(frozen=True)
class Batch:
    """A sealed batch, and where the chain says so."""

    number: int
    first_position: int
    last_position: int
    root: bytes
    head: bytes
    sealed_at: datetime
    tx_hash: bytes | None
    """None until the ledger has seen its `AuditRoot`."""
    block_number: int | None
    finality: str | None


async def of_account(
    session: AsyncSession, account_id: UUID, *, action: str | None = None, before: int | None = None, limit: int
) -> list[Event]:
    """What the account did, and what was done to it or to what it owns; newest first."""
    place = {"account": account_id, "before": before or 2**62, "action": action, "limit": limit}
    return [Event(*row) for row in await session.execute(_MINE, place)]


async def event(session: AsyncSession, event_id: int, *, account_id: UUID | None) -> Event | None:
    """`account_id`: only if it is this account's affair; None: whoever's."""
    row = (await session.execute(_ONE, {"id": event_id, "account": account_id})).one_or_none()
    return Event(*row) if row else None


async def unsealed(session: AsyncSession, *, after: tuple[str, int], limit: int) -> list[Event]:
    """In the order of the chain: none of them can be preceded any more."""
    rows = await session.execute(_UNSEALED, {"xid": after[0], "id": after[1], "limit": limit})
    return [Event(*row) for row in rows]


async def age(session: AsyncSession, event: Event) -> timedelta:
    """How long ago it happened, by the database's clock."""
    query = text("SELECT clock_timestamp() - CAST(:at AS timestamptz)")
    found: timedelta = (await session.execute(query, {"at": event.occurred_at})).scalar_one()
    return found


async def tip(session: AsyncSession) -> Tip:
    row = (await session.execute(_TIP)).one_or_none()
    return Tip(row.number, row.position, row.hash, (row.xid, row.id)) if row else Tip(0, 0, bytes(32), ("0", 0))


async def position_of(session: AsyncSession, event_id: int) -> int | None:
    """None: not sealed yet."""
    position: int | None = await session.scalar(
        text("SELECT position FROM app.audit_seal WHERE event_id = :id"), {"id": event_id}
    )
    return position


async def hashes(session: AsyncSession, first: int, last: int) -> list[bytes]:
    """The chain's hashes at these positions, both included."""
    query = text("SELECT hash FROM app.audit_seal WHERE position BETWEEN :first AND :last ORDER BY position")
    return list((await session.execute(query, {"first": first, "last": last})).scalars())


async def sealed_events(session: AsyncSession, first: int, last: int) -> list[Event]:
    """The events at these positions, both included."""
    rows = await session.execute(_SEALED, {"first": first, "last": last})
    return [Event(*row) for row in rows]


async def batches(session: AsyncSession, chain_id: int, *, before: int | None, limit: int) -> list[Batch]:
    """Newest first. `before`: the number of the last one seen."""
    values = {"chain_id": chain_id, "before": before or 2**62, "limit": limit}
    return [Batch(*row) for row in await session.execute(_BATCHES, values)]


async def batch(session: AsyncSession, chain_id: int, number: int) -> Batch | None:
    found = await batches(session, chain_id, before=number + 1, limit=1)
    return found[0] if found and found[0].number == number else None


async def batch_of(session: AsyncSession, chain_id: int, position: int) -> Batch:
    """The batch that a sealed position is in."""
    query = text(
        """SELECT number FROM app.audit_batch WHERE first_position <= :position
            ORDER BY first_position DESC LIMIT 1"""
    )
    number = (await session.execute(query, {"position": position})).scalar_one()
    found: Sequence[Batch] = await batches(session, chain_id, before=number + 1, limit=1)
    return found[0]


_MINE = text(
    f"""{_EVENTS} WHERE {_IS_MINE} AND id < :before AND (CAST(:action AS text) IS NULL OR action = :action)
    ORDER BY id DESC LIMIT :limit"""
)
_ONE = text(f"{_EVENTS} WHERE id = :id AND (CAST(:account AS uuid) IS NULL OR {_IS_MINE})")
_UNSEALED = text(
    f"""{_EVENTS} WHERE (xid, id) > (CAST(:xid AS xid8), :id) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, id LIMIT :limit"""
)
_SEALED = text(
    f"{_EVENTS} JOIN app.audit_seal ON event_id = e.id WHERE position BETWEEN :first AND :last ORDER BY position"
)
_TIP = text(
    """SELECT number, position, hash, xid::text, e.id
         FROM app.audit_batch JOIN app.audit_seal ON position = last_position JOIN app.audit_event e ON e.id = event_id
        ORDER BY number DESC LIMIT 1"""
)
_BATCHES = text(
    """SELECT number, first_position, last_position, root, head, sealed_at, said.tx_hash, said.block_number,
              CASE WHEN said.block_number <= finalized_number THEN 'finalized'
                   WHEN said.block_number <= safe_number THEN 'safe'
                   WHEN said.block_number IS NOT NULL THEN 'unsafe' END
         FROM app.audit_batch
         LEFT JOIN LATERAL (
             SELECT event.tx_hash, event.block_number
               FROM app.audit_anchor JOIN relay.outbox ON outbox.id = outbox_id
               JOIN ledger.contract_event event
                 ON event.chain_id = :chain_id AND event.name = 'AuditRoot'
                AND event.block_number = outbox.block_number AND event.tx_hash = outbox.tx_hash
              WHERE audit_anchor.number = audit_batch.number
                AND event.args ->> 'root' = '0x' || encode(audit_batch.root, 'hex')
              ORDER BY attempt LIMIT 1) said ON true
         LEFT JOIN ledger.cursor ON cursor.chain_id = :chain_id
        WHERE number < :before ORDER BY number DESC LIMIT :limit"""
)
