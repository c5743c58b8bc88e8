"""Reads of the ranking, and of what it is made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.discovery.rules import MOST_PER_PAYER, Merits, Sort
from api.voting.rules import Ballot, MicroVotes
from ledger.money import MicroUsdc

Stage = Literal["script", "series"]
"""`script`, or `series` once it is published."""


@dataclass(frozen=True)
class Work:
    """A script that was submitted, and the series that it has become."""

    script_id: UUID
    series_id: UUID | None
    genre: str
    at: datetime
    """When it was submitted; of a series: published."""


@dataclass(frozen=True)
class Ranked:
    """A work in one edition of the ranking."""

    script_id: UUID
    series_id: UUID | None
    points: int
    """By the sort that was asked for, in micro-points."""
    merits: Merits


@dataclass(frozen=True)
class Known:
    """What the newest edition says of a work."""

    series_id: UUID | None
    merits: Merits


async def newest_edition(session: AsyncSession) -> int | None:
    number: int | None = await session.scalar(text("SELECT max(number) FROM app.edition"))
    return number


async def is_kept(session: AsyncSession, edition: int) -> bool:
    """Whether pages of this edition can still be read."""
    query = text("SELECT EXISTS (SELECT FROM app.edition WHERE number = :number)")
    return bool(await session.scalar(query, {"number": edition}))


async def ranked(
    session: AsyncSession,
    *,
    edition: int,
    sort: Sort,
    genre: str | None = None,
    stage: Stage | None = None,
    after: tuple[int, UUID] | None = None,
    limit: int = 50,
) -> list[Ranked]:
    """Highest first. `after`: (points, script id) of the last one seen. What was removed since is left out."""
    where, values = ["TRUE"], dict[str, Any](edition=edition, limit=limit)
    if genre is not None:
        where.append("work.genre = :genre")
        values["genre"] = genre
    if stage is not None:
        where.append("series_id IS NOT NULL" if stage == "series" else "series_id IS NULL")
    if after is not None:
        where.append(f"(work.{sort}, work.script_id) < (:points, :script_id)")
        values |= {"points": after[0], "script_id": after[1]}
    query = _RANKED.format(sort=sort, where=" AND ".join(where))
    return [
        Ranked(row.script_id, row.series_id, row.points, _merits(row))
        for row in await session.execute(text(query), values)
    ]


async def works(session: AsyncSession, script_ids: Sequence[UUID]) -> list[Work]:
    """Those of them that everybody may see."""
    rows = await session.execute(_WORKS, {"ids": list(script_ids)})
    return [Work(*row) for row in rows]


async def known(session: AsyncSession, script_ids: Sequence[UUID]) -> dict[UUID, Known]:
    """What the newest edition says of these works."""
    rows = await session.execute(_KNOWN, {"ids": list(script_ids)})
    return {row.script_id: Known(row.series_id, _merits(row)) for row in rows}


async def ballots(session: AsyncSession, script_ids: Sequence[UUID]) -> list[Ballot]:
    """Of their newest periods, as far as those are not counted yet."""
    rows = await session.execute(_BALLOTS, {"ids": list(script_ids)})
    return [Ballot(script, voter, cluster, MicroVotes(w), side, at) for script, voter, cluster, w, side, at in rows]


async def counted(session: AsyncSession, script_ids: Sequence[UUID]) -> dict[UUID, tuple[MicroVotes, MicroVotes]]:
    """U and D of the results of their newest periods, of which that have been counted."""
    rows = await session.execute(_COUNTED, {"ids": list(script_ids)})
    return {row.script_id: (MicroVotes(row.up_micro), MicroVotes(row.down_micro)) for row in rows}


async def tipped(session: AsyncSession, series_ids: Sequence[UUID]) -> dict[UUID, MicroUsdc]:
    """V of each: every wallet adds `MOST_PER_PAYER` at most."""
    query = text(
        """SELECT series_id, sum(least(micro_usdc, :most))::bigint AS tipped FROM app.backing
            WHERE series_id = ANY(:ids) GROUP BY series_id"""
    )
    rows = await session.execute(query, {"ids": list(series_ids), "most": MOST_PER_PAYER})
    return {row.series_id: MicroUsdc(row.tipped) for row in rows}


def _merits(row: Any) -> Merits:
    return Merits(
        up=MicroVotes(row.up_micro),
        down=MicroVotes(row.down_micro),
        tipped=MicroUsdc(row.tipped_micro_usdc),
        at=row.at,
    )


_RANKED = """
SELECT work.script_id, series_id, work.{sort} AS points, up_micro, down_micro, tipped_micro_usdc, at
  FROM app.work_rank work JOIN app.script ON script.id = work.script_id AND script.status NOT IN ('draft', 'removed')
 WHERE from_edition <= :edition AND :edition < to_edition AND {where}
 ORDER BY work.{sort} DESC, work.script_id DESC LIMIT :limit
"""
_WORKS = text(
    """SELECT script.id, series.id, script.genre, coalesce(series.published_at, script.submitted_at)
         FROM app.script LEFT JOIN app.series ON series.script_id = script.id
        WHERE script.id = ANY(:ids) AND script.status NOT IN ('draft', 'removed')"""
)
_KNOWN = text(
    """SELECT script_id, series_id, up_micro, down_micro, tipped_micro_usdc, at FROM app.work_rank
        WHERE script_id = ANY(:ids) AND to_edition = 9223372036854775807"""
)
_BALLOTS = text(
    """SELECT vote.script_id, voter_id, cluster, weight_micro, side, cast_at
         FROM app.candidate turn JOIN app.vote USING (period_id, script_id)
         JOIN app.voter ON voter.period_id = vote.period_id AND voter.account_id = voter_id
        WHERE turn.script_id = ANY(:ids)
          AND nth = (SELECT max(nth) FROM app.candidate turns WHERE turns.script_id = turn.script_id)
          AND NOT EXISTS (SELECT FROM app.result
                           WHERE result.period_id = turn.period_id AND result.script_id = turn.script_id)"""
)
_COUNTED = text(
    """SELECT turn.script_id, up_micro, down_micro FROM app.candidate turn JOIN app.result USING (period_id, script_id)
        WHERE turn.script_id = ANY(:ids)
          AND nth = (SELECT max(nth) FROM app.candidate turns WHERE turns.script_id = turn.script_id)"""
)
