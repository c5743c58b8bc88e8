"""Reads of karma."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class Event:
    id: int
    kind: str
    subject: str
    points: Decimal
    at: datetime


async def of_account(session: AsyncSession, account_id: UUID) -> Decimal:
    return Decimal(await session.scalar(text("SELECT karma FROM app.account WHERE id = :id"), {"id": account_id}) or 0)


async def by_kind(session: AsyncSession, account_id: UUID) -> dict[str, Decimal]:
    query = text(
        "SELECT kind, sum(points) AS points FROM app.karma_event WHERE account_id = :id GROUP BY kind ORDER BY kind"
    )
    return {row.kind: row.points for row in await session.execute(query, {"id": account_id})}


async def events(session: AsyncSession, account_id: UUID, *, before: int | None = None, limit: int = 50) -> list[Event]:
    """Newest first. `before`: the id of the last one seen."""
    query = text(
        """SELECT id, kind, subject, points, at FROM app.karma_event WHERE account_id = :account AND id < :before
        ORDER BY id DESC LIMIT :limit"""
    )
    rows = await session.execute(query, {"account": account_id, "before": before or 2**62, "limit": limit})
    return [Event(*row) for row in rows]


async def participation_since(session: AsyncSession, accounts: Sequence[UUID], since: datetime) -> dict[UUID, Decimal]:
    """Points for taking part, of those who have any."""
    query = text(
        """SELECT account_id, sum(points) AS points FROM app.karma_event
         WHERE account_id = ANY(:accounts) AND kind = 'participation' AND at > :since GROUP BY account_id"""
    )
    rows = await session.execute(query, {"accounts": list(accounts), "since": since})
    return {row.account_id: row.points for row in rows}
