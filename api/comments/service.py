"""The only writer of comments."""

from uuid import UUID, uuid4

from sqlalchemy import text

from api.callers import Account
from api.comments import queries
from api.comments.errors import CommentNotFound, NotYourComment, ThreadTooDeep
from api.comments.queries import Comment
from api.db import WriteSession

DEEPEST = 8


async def write(
    session: WriteSession, author: Account, *, script_id: UUID, parent_id: UUID | None, body: str
) -> Comment:
    """Raises CommentNotFound (its parent is on another script, taken back or hidden) and ThreadTooDeep."""
    depth = 0
    if parent_id is not None:
        parent = await queries.comment(session, parent_id)
        if parent is None or parent.script_id != script_id or parent.deleted_at or parent.hidden_at:
            raise CommentNotFound("There is nothing to answer.")
        depth = parent.depth + 1
    if depth > DEEPEST:
        raise ThreadTooDeep
    comment_id = uuid4()
    values = {"id": comment_id, "script": script_id, "parent": parent_id, "depth": depth, "body": body}
    await session.execute(_INSERT, {**values, "author": author.account_id})
    return await _known(session, comment_id)


async def take_back(session: WriteSession, author: Account, *, script_id: UUID, comment_id: UUID) -> None:
    """Its text is gone for good, the answers to it stay. Twice is once. Raises CommentNotFound and NotYourComment."""
    comment = await queries.comment(session, comment_id, for_update=True)
    if comment is None or comment.script_id != script_id:
        raise CommentNotFound
    if comment.author_id != author.account_id:
        raise NotYourComment
    await session.execute(_TAKE_BACK, {"id": comment_id})


async def _known(session: WriteSession, comment_id: UUID) -> Comment:
    comment = await queries.comment(session, comment_id)
    if comment is None:
        raise CommentNotFound
    return comment


_INSERT = text(
    """INSERT INTO app.comment (id, script_id, parent_id, depth, author_id, body)
       VALUES (:id, :script, :parent, :depth, :author, :body)"""
)
_TAKE_BACK = text("UPDATE app.comment SET body = '', deleted_at = now() WHERE id = :id AND deleted_at IS NULL")
