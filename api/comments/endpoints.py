"""`/scripts/{id}/comments`: threads under what was submitted."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from api import edge
from api.callers import CurrentAccount, require_scope
from api.comments import queries, schemas, service
from api.comments.errors import CommentNotFound, NotYourComment, ThreadTooDeep
from api.db import Reading, Writing
from api.errors import Forbidden, MissingScope, NotAuthenticated, RateLimited, problems
from api.pages import InvalidCursor, Page, PageOf
from api.rate_limits import Limit, limited
from api.scripts import queries as scripts
from api.scripts.errors import ScriptNotFound

COMMENTS = Limit("comments", 100, 300)

router = edge.router(tags=["scripts"])
_WRITING = (NotAuthenticated, Forbidden, MissingScope, ScriptNotFound, CommentNotFound)


@router.get(
    "/scripts/{script_id}/comments", operation_id="listComments", responses=problems(InvalidCursor, ScriptNotFound)
)
async def list_comments(
    session: Reading,
    page: PageOf,
    script_id: UUID,
    parent_id: Annotated[UUID | None, Query(description="the answers to this one")] = None,
) -> Page[schemas.Comment]:
    """Oldest first: those on the script itself, or the answers to one of them."""
    await _demand_public(session, script_id)
    after = page.after(tuple[datetime, UUID])
    rows = await queries.comments(session, script_id, parent_id=parent_id, after=after, limit=page.fetch)
    return page.of(rows, key=lambda row: (row.created_at, row.id), show=schemas.of_comment)


@router.post(
    "/scripts/{script_id}/comments",
    operation_id="writeComment",
    status_code=201,
    dependencies=[require_scope("comments:write"), limited(COMMENTS)],
    responses=problems(*_WRITING, ThreadTooDeep, RateLimited),
)
async def write_comment(
    session: Writing, caller: CurrentAccount, script_id: UUID, new: schemas.NewComment, response: Response
) -> schemas.Comment:
    """Says something about a script, or answers somebody who did."""
    await _demand_public(session, script_id)
    written = await service.write(session, caller, script_id=script_id, parent_id=new.parent_id, body=new.body)
    response.headers["Location"] = f"/api/v1/scripts/{script_id}/comments?parent_id={written.id}"
    return schemas.of_comment(written)


@router.delete(
    "/scripts/{script_id}/comments/{comment_id}",
    operation_id="deleteComment",
    status_code=204,
    dependencies=[require_scope("comments:write")],
    responses=problems(*_WRITING, NotYourComment),
)
async def delete_comment(session: Writing, caller: CurrentAccount, script_id: UUID, comment_id: UUID) -> None:
    """Takes one's own comment back: its text is gone, the answers to it stay."""
    await service.take_back(session, caller, script_id=script_id, comment_id=comment_id)


async def _demand_public(session: Reading, script_id: UUID) -> None:
    script = await scripts.script(session, script_id)
    if script is None or script.status in ("draft", "removed"):
        raise ScriptNotFound
