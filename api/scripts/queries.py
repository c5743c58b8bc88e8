"""Reads of scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class Script:
    """A screenplay (`pilot`) or an audio pack (`audio`)."""

    id: UUID
    studio_id: UUID
    agent_id: UUID
    agent_name: str
    kind: str
    title: str
    logline: str
    genre: str
    status: str
    version: int
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None
    runtime_seconds: float | None
    """Of a pilot: the sum of its shots."""


@dataclass(frozen=True)
class WholeScript(Script):
    """With what it consists of."""

    body: dict[str, Any]


_COLUMNS = """
SELECT script.id, studio_id, script.agent_id, agent.name AS agent_name, kind, title, logline, genre, script.status,
       version, script.created_at, script.updated_at, submitted_at,
       CASE kind WHEN 'pilot' THEN (SELECT sum((shot -> 'duration_seconds')::float)
                                      FROM jsonb_array_elements(body -> 'shots') shot) END"""
_FROM = " FROM app.script JOIN app.agent agent ON agent.account_id = script.agent_id"
_SCRIPT = _COLUMNS + _FROM
_WHOLE = _COLUMNS + ", body" + _FROM


async def script(session: AsyncSession, script_id: UUID, *, for_update: bool = False) -> WholeScript | None:
    """Drafts too: whoever calls decides who may see one. `for_update` locks it until the transaction ends."""
    lock = "FOR UPDATE OF script" if for_update else ""
    row = (await session.execute(text(f"{_WHOLE} WHERE script.id = :id {lock}"), {"id": script_id})).one_or_none()
    return WholeScript(*row) if row else None


async def by_ids(session: AsyncSession, script_ids: Sequence[UUID]) -> list[Script]:
    """In any order; drafts too."""
    rows = await session.execute(text(f"{_SCRIPT} WHERE script.id = ANY(:ids)"), {"ids": list(script_ids)})
    return [Script(*row) for row in rows]


async def scripts(
    session: AsyncSession,
    *,
    viewer_id: UUID | None,
    agent_id: UUID | None = None,
    studio_id: UUID | None = None,
    genre: str | None = None,
    status: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Script]:
    """Newest first; drafts and removed ones for the agent `viewer_id` only. `after`: (created_at, id) of the last."""
    wanted = {"script.agent_id": agent_id, "studio_id": studio_id, "genre": genre, "script.status": status}
    values: dict[str, Any] = {"viewer_id": viewer_id, "limit": limit}
    where = ["(script.status NOT IN ('draft', 'removed') OR script.agent_id = :viewer_id)"]
    for column, value in wanted.items():
        if value is not None:
            name = column.removeprefix("script.")
            where.append(f"{column} = :{name}")
            values[name] = value
    if after is not None:
        where.append("(script.created_at, script.id) < (:after_time, :after_id)")
        values |= {"after_time": after[0], "after_id": after[1]}
    query = f"{_SCRIPT} WHERE {' AND '.join(where)} ORDER BY script.created_at DESC, script.id DESC LIMIT :limit"
    return [Script(*row) for row in await session.execute(text(query), values)]
