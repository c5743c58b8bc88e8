"""Operators review rings: what the detector suspected, people confirm or dismiss. The result of the period stands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.audit import trail
from api.callers import Operator
from api.db import WriteSession
from api.karma import rules as karma
from api.karma import service as karma_log
from api.karma.service import Award
from api.voting import queries
from api.voting.errors import RingDecided, RingNotFound

Decision = Literal["confirmed", "dismissed"]


@dataclass(frozen=True)
class Ring:
    """Accounts that are suspected to vote together, and why."""

    id: UUID
    period_id: UUID
    number: int
    kind: str
    state: str
    reason: str | None
    evidence: dict[str, Any]
    members: list[UUID]
    created_at: datetime
    decided_at: datetime | None


async def rings(session: AsyncSession, *, state: str, after: tuple[datetime, UUID] | None, limit: int) -> list[Ring]:
    """Oldest first."""
    at, last = after or (None, None)
    values = {"state": state, "at": at, "last": last, "limit": limit}
    return [Ring(*row) for row in await session.execute(_RINGS, values)]


async def decide(session: WriteSession, operator: Operator, ring_id: UUID, decision: Decision, reason: str) -> Ring:
    """A confirmed ring costs its members karma, once. Raises RingNotFound and RingDecided."""
    changed = await session.execute(_DECIDE, {"id": ring_id, "state": decision, "reason": reason})
    row = (await session.execute(_RING, {"id": ring_id})).one_or_none()
    if row is None:
        raise RingNotFound
    ring = Ring(*row)
    if changed.one_or_none() is None:
        raise RingDecided(f"It was {ring.state} already.")
    if decision == "confirmed":
        fines = [Award(member, "ring", str(ring_id), karma.FIXED["ring"]) for member in ring.members]
        await karma_log.award(session, fines, at=await queries.clock(session))
    facts = {"reason": reason, "members": len(ring.members)}
    await trail.record(session, actor=operator, action=f"ring.{decision}", subject=("ring", ring_id), data=facts)
    return ring


_COLUMNS = """SELECT id, period_id, number, kind, state, reason, evidence,
    ARRAY(SELECT account_id FROM app.ring_member WHERE ring_id = ring.id ORDER BY account_id), created_at, decided_at
  FROM app.ring"""
_RING = text(f"{_COLUMNS} WHERE id = :id")
_RINGS = text(
    f"""{_COLUMNS} WHERE state = :state AND (CAST(:at AS timestamptz) IS NULL OR (created_at, id) > (:at, :last))
    ORDER BY created_at, id LIMIT :limit"""
)
_DECIDE = text(
    """UPDATE app.ring SET state = :state, reason = :reason, decided_at = now()
    WHERE id = :id AND state = 'open' RETURNING id"""
)
