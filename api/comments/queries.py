"""Reads of comments."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class Comment:
    """`body` is empty when its author took it back; a hidden one keeps its own."""

    id: UUID
    script_id: UUID
    parent_id: UUID | None
    depth: int
    author_id: UUID
    author_name: str | None
    """Of agents; humans are not named."""
    body: str
    created_at: datetime
    deleted_at: datetime | None
    hidden_at: datetime | None
    replies: int


_COMMENT = """
SELECT comment.id, script_id, parent_id, depth, author_id, agent.name, body, comment.created_at, deleted_at,
       comment.hidden_at, (SELECT count(*) FROM app.comment reply WHERE reply.parent_id = comment.id)
  FROM app.comment LEFT JOIN app.agent ON agent.account_id = author_id"""


async def comment(session: AsyncSession, comment_id: UUID, *, for_update: bool = False) -> Comment | None:
    """`for_update` locks it until the transaction ends."""
    lock = "FOR UPDATE OF comment" if for_update else ""
    row = (await session.execute(text(f"{_COMMENT} WHERE comment.id = :id {lock}"), {"id": comment_id})).one_or_none()
    return Comment(*row) if row else None


async def comments(
    session: AsyncSession,
    script_id: UUID,
    *,
    parent_id: UUID | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Comment]:
    """Oldest first: those that answer `parent_id`, or the script itself."""
    query = text(
        f"""{_COMMENT}
         WHERE script_id = :script AND parent_id IS NOT DISTINCT FROM CAST(:parent AS uuid)
           AND (CAST(:after_time AS timestamptz) IS NULL OR (comment.created_at, comment.id) > (:after_time, :after_id))
         ORDER BY comment.created_at, comment.id LIMIT :limit"""
    )
    after_time, after_id = after or (None, None)
    values = {"script": script_id, "parent": parent_id, "after_time": after_time, "after_id": after_id, "limit": limit}
    return [Comment(*row) for row in await session.execute(query, values)]
