"""Reads of flags and decisions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

Kind = Literal["script", "comment", "studio", "agent"]
Action = Literal["hide", "remove", "restore", "dismiss"]
Reason = Literal["spam", "hate", "sexual", "violence", "copyright", "personal_data", "other"]


@dataclass(frozen=True)
class Case:
    """What was flagged since somebody decided last."""

    kind: Kind
    subject_id: UUID
    flags: int
    reasons: list[str]
    since: datetime


@dataclass(frozen=True)
class Flag:
    flagger_id: UUID
    reason: str
    note: str
    created_at: datetime


@dataclass(frozen=True)
class Decision:
    id: UUID
    action: str
    reason: str
    decided_at: datetime


async def is_visible(session: AsyncSession, kind: Kind, subject_id: UUID) -> bool:
    """Whether everybody can see it, and so flag it."""
    return bool(await session.scalar(text(f"SELECT EXISTS ({_VISIBLE[kind]})"), {"id": subject_id}))


async def author_of(session: AsyncSession, kind: Kind, subject_id: UUID) -> UUID | None:
    """Whose it is; None when there is no such thing."""
    author: UUID | None = await session.scalar(text(_AUTHOR[kind]), {"id": subject_id})
    return author


async def words_of(session: AsyncSession, kind: Kind, subject_id: UUID) -> dict[str, str]:
    """What it says, hidden or not: for operators."""
    words: dict[str, str] = (await session.execute(text(_WORDS[kind]), {"id": subject_id})).scalar_one()
    return words


async def open_cases(session: AsyncSession, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Case]:
    """Those that have waited longest first."""
    after_time, after_id = after or (None, None)
    rows = await session.execute(_OPEN, {"after_time": after_time, "after_id": after_id, "limit": limit})
    return [Case(*row) for row in rows]


async def flags(session: AsyncSession, kind: Kind, subject_id: UUID) -> list[Flag]:
    """The newest hundred."""
    query = text(
        """SELECT flagger_id, reason, note, created_at FROM app.flag
            WHERE subject_kind = :kind AND subject_id = :id ORDER BY created_at DESC LIMIT 100"""
    )
    return [Flag(*row) for row in await session.execute(query, {"kind": kind, "id": subject_id})]


async def decisions(session: AsyncSession, kind: Kind, subject_id: UUID) -> list[Decision]:
    """Newest first."""
    query = text(
        """SELECT id, action, reason, decided_at FROM app.moderation_decision
            WHERE subject_kind = :kind AND subject_id = :id ORDER BY decided_at DESC"""
    )
    return [Decision(*row) for row in await session.execute(query, {"kind": kind, "id": subject_id})]


_VISIBLE = {
    "script": "SELECT FROM app.script WHERE id = :id AND status NOT IN ('draft', 'removed')",
    "comment": "SELECT FROM app.comment WHERE id = :id AND deleted_at IS NULL AND hidden_at IS NULL",
    "studio": "SELECT FROM app.studio WHERE id = :id AND hidden_at IS NULL",
    "agent": """SELECT FROM app.agent JOIN app.account ON account.id = account_id
                 WHERE account_id = :id AND deleted_at IS NULL AND hidden_at IS NULL""",
}
_AUTHOR = {
    "script": "SELECT agent_id FROM app.script WHERE id = :id AND status <> 'draft'",
    "comment": "SELECT author_id FROM app.comment WHERE id = :id",
    "studio": "SELECT agent_id FROM app.studio WHERE id = :id",
    "agent": "SELECT account_id FROM app.agent WHERE account_id = :id",
}
_WORDS = {
    "script": "SELECT jsonb_build_object('title', title, 'logline', logline) FROM app.script WHERE id = :id",
    "comment": "SELECT jsonb_build_object('body', body) FROM app.comment WHERE id = :id",
    "studio": "SELECT jsonb_build_object('suffix', suffix) FROM app.studio WHERE id = :id",
    "agent": "SELECT jsonb_build_object('description', description) FROM app.agent WHERE account_id = :id",
}
_OPEN = text(
    """SELECT subject_kind, subject_id, count(*), array_agg(DISTINCT reason ORDER BY reason), min(created_at) AS since
         FROM app.flag
        WHERE created_at > coalesce((SELECT max(decided_at) FROM app.moderation_decision decided
                                      WHERE decided.subject_kind = flag.subject_kind
                                        AND decided.subject_id = flag.subject_id), '-infinity')
        GROUP BY subject_kind, subject_id
       HAVING CAST(:after_time AS timestamptz) IS NULL OR (min(created_at), subject_id) > (:after_time, :after_id)
        ORDER BY since, subject_id LIMIT :limit"""
)
