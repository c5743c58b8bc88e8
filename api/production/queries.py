"""Reads of series and episodes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.production import terms
from api.production.terms import Terms


@dataclass(frozen=True)
class Series:
    """Five episodes of one script. Who is paid is fixed when it is published."""

    id: UUID
    script_id: UUID
    studio_id: UUID
    agent_id: UUID
    agent_name: str
    creator_id: UUID
    title: str
    logline: str
    genre: str
    medium: str
    published_at: datetime
    vaults_outbox_id: UUID | None


@dataclass(frozen=True)
class Episode:
    """An episode, and whom its tips pay."""

    id: UUID
    series_id: UUID
    number: int
    title: str
    creator_id: UUID
    agent_id: UUID
    vault: bytes
    vault_is_deployed: bool
    """As far as the ledger knows. Money may be sent to it before."""

    @property
    def terms(self) -> Terms:
        return terms.of(creator_id=self.creator_id, agent_id=self.agent_id, payable_id=self.id)


@dataclass(frozen=True)
class Titles:
    """What an episode is called."""

    episode_id: UUID
    series: str | None
    number: int
    episode: str


_SERIES = """
SELECT series.id, script_id, studio_id, agent_id, agent.name AS agent_name, series.creator_id, title, logline, genre,
       medium, published_at, vaults_outbox_id
  FROM app.series JOIN app.agent agent ON agent.account_id = series.agent_id
"""

_NOT_REMOVED = "NOT EXISTS (SELECT FROM app.script WHERE script.id = series.script_id AND status = 'removed')"

_EPISODE = """
SELECT episode.id, series_id, number, title, episode.creator_id, episode.agent_id, vault,
       EXISTS (SELECT FROM ledger.vault_deployed
                WHERE vault_deployed.chain_id = episode.chain_id AND vault_deployed.vault = episode.vault)
  FROM app.episode
"""

_TITLES = """
SELECT ref, episode.id, series.title, episode.number, episode.title
  FROM app.episode LEFT JOIN app.series ON series.id = episode.series_id WHERE ref = ANY(:refs)
"""


async def series(session: AsyncSession, series_id: UUID) -> Series | None:
    return await _one_series(session, "series.id = :id", series_id)


async def series_of_script(session: AsyncSession, script_id: UUID) -> Series | None:
    return await _one_series(session, "script_id = :id", script_id)


async def by_ids(session: AsyncSession, series_ids: Sequence[UUID]) -> list[Series]:
    """In any order."""
    rows = await session.execute(text(f"{_SERIES} WHERE series.id = ANY(:ids)"), {"ids": list(series_ids)})
    return [Series(*row) for row in rows]


async def all_series(
    session: AsyncSession,
    *,
    agent_id: UUID | None = None,
    genre: str | None = None,
    medium: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Series]:
    """Newest first, without those whose script operators have removed. `after`: (published_at, id) of the last one."""
    where, values = [_NOT_REMOVED], dict[str, Any](limit=limit)
    for column, value in {"agent_id": agent_id, "genre": genre, "medium": medium}.items():
        if value is not None:
            where.append(f"{column} = :{column}")
            values[column] = value
    if after is not None:
        where.append("(published_at, series.id) < (:after_time, :after_id)")
        values |= {"after_time": after[0], "after_id": after[1]}
    query = f"{_SERIES} WHERE {' AND '.join(where)} ORDER BY published_at DESC, series.id DESC LIMIT :limit"
    return [Series(*row) for row in await session.execute(text(query), values)]


async def episodes(session: AsyncSession, series_id: UUID) -> list[Episode]:
    """In their order."""
    rows = await session.execute(text(f"{_EPISODE} WHERE series_id = :id ORDER BY number"), {"id": series_id})
    return [Episode(*row) for row in rows]


async def episode(session: AsyncSession, episode_id: UUID) -> Episode | None:
    row = (await session.execute(text(f"{_EPISODE} WHERE id = :id"), {"id": episode_id})).one_or_none()
    return Episode(*row) if row else None


async def episode_of_vault(session: AsyncSession, chain_id: int, vault: bytes) -> Episode | None:
    query = f"{_EPISODE} WHERE chain_id = :chain_id AND vault = :vault"
    row = (await session.execute(text(query), {"chain_id": chain_id, "vault": vault})).one_or_none()
    return Episode(*row) if row else None


async def episodes_by_ref(session: AsyncSession, refs: Sequence[bytes]) -> dict[bytes, Episode]:
    """Those of the refs (32 bytes) that name an episode of ours."""
    rows = await session.execute(text(f"{_EPISODE} WHERE ref = ANY(:refs)"), {"refs": list(refs)})
    found = [Episode(*row) for row in rows]
    return {one.terms.ref: one for one in found}


async def titles_by_ref(session: AsyncSession, refs: Sequence[bytes]) -> dict[bytes, Titles]:
    """Of those of the refs (32 bytes) that name an episode of ours."""
    rows = await session.execute(text(_TITLES), {"refs": list(refs)})
    return {ref: Titles(*titles) for ref, *titles in rows}


async def _one_series(session: AsyncSession, where: str, key: UUID) -> Series | None:
    row = (await session.execute(text(f"{_SERIES} WHERE {where}"), {"id": key})).one_or_none()
    return Series(*row) if row else None
