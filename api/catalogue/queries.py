"""Reads of votes on series and episodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

WHOLE = 0
"""The number of a series among its episodes."""


@dataclass(frozen=True)
class Said:
    """What one account says of one series, or of an episode of it."""

    series_id: UUID
    voter_id: UUID
    side: int


async def counts(session: AsyncSession, series_id: UUID, number: int) -> tuple[int, int]:
    """Accounts that vote it up, and down."""
    query = text(
        """SELECT count(*) FILTER (WHERE side = 1), count(*) FILTER (WHERE side = -1) FROM app.series_vote
            WHERE series_id = :series AND number = :number"""
    )
    up, down = (await session.execute(query, {"series": series_id, "number": number})).one()
    return up, down


async def own_vote(session: AsyncSession, series_id: UUID, number: int, voter_id: UUID) -> int | None:
    query = text(
        "SELECT side FROM app.series_vote WHERE series_id = :series AND number = :number AND voter_id = :voter"
    )
    side: int | None = await session.scalar(query, {"series": series_id, "number": number, "voter": voter_id})
    return side


async def is_own(session: AsyncSession, series_id: UUID, account_id: UUID) -> bool:
    """Whether it is the work of the account, of its owner or of another agent of that owner."""
    query = text(
        """SELECT app.owner_of(:account) IN (app.owner_of(agent_id), app.owner_of(creator_id)) FROM app.series
            WHERE id = :series"""
    )
    return bool(await session.scalar(query, {"series": series_id, "account": account_id}))


async def said_of(session: AsyncSession, series_ids: Sequence[UUID]) -> list[Said]:
    """Everything that is said of these series and their episodes."""
    query = text("SELECT series_id, voter_id, side FROM app.series_vote WHERE series_id = ANY(:series)")
    return [Said(*row) for row in await session.execute(query, {"series": list(series_ids)})]
