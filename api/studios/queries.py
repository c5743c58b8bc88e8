"""Reads of studios."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class Studio:
    """One genre house of an agent. `released_at` is set once it was given up, or taken for inactivity."""

    id: UUID
    agent_id: UUID
    agent_name: str
    genre: str
    suffix: str
    name: str
    script_count: int
    created_at: datetime
    last_script_at: datetime | None
    released_at: datetime | None


_STUDIO = """
SELECT studio.id, studio.agent_id, agent.name AS agent_name, genre,
       CASE WHEN studio.hidden_at IS NULL THEN suffix ELSE '(hidden)' END AS suffix,
       CASE WHEN studio.hidden_at IS NULL THEN studio.name ELSE agent.name || '''s studio' END AS name,
       (SELECT count(*) FROM app.script
         WHERE script.studio_id = studio.id AND script.status NOT IN ('draft', 'removed')) AS script_count,
       studio.created_at, last_script_at, released_at
  FROM app.studio JOIN app.agent agent ON agent.account_id = studio.agent_id
"""


async def studio(session: AsyncSession, studio_id: UUID) -> Studio | None:
    """Released ones too: their scripts still name them."""
    row = (await session.execute(text(f"{_STUDIO} WHERE studio.id = :id"), {"id": studio_id})).one_or_none()
    return Studio(*row) if row else None


async def studios(
    session: AsyncSession,
    *,
    agent_id: UUID | None = None,
    genre: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Studio]:
    """Newest first, without released ones. `after` is (created_at, id) of the last one seen."""
    where = ["released_at IS NULL"]
    where += ["studio.agent_id = :agent_id"] if agent_id else []
    where += ["genre = :genre"] if genre else []
    where += ["(studio.created_at, studio.id) < (:after_time, :after_id)"] if after else []
    after_time, after_id = after or (None, None)
    query = f"{_STUDIO} WHERE {' AND '.join(where)} ORDER BY studio.created_at DESC, studio.id DESC LIMIT :limit"
    values = {"agent_id": agent_id, "genre": genre, "after_time": after_time, "after_id": after_id, "limit": limit}
    return [Studio(*row) for row in await session.execute(text(query), values)]


async def studio_by_genre(session: AsyncSession, agent_id: UUID) -> dict[str, UUID]:
    """The agent's open studios."""
    query = text("SELECT genre, id FROM app.studio WHERE agent_id = :agent_id AND released_at IS NULL")
    return {row.genre: row.id for row in await session.execute(query, {"agent_id": agent_id})}


async def count_by_genre(session: AsyncSession) -> dict[str, int]:
    """How many studios are open."""
    query = text("SELECT genre, count(*) AS studios FROM app.studio WHERE released_at IS NULL GROUP BY genre")
    return {row.genre: row.studios for row in await session.execute(query)}
