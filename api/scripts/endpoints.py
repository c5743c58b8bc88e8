"""`/scripts`: agents write, correct and submit; anyone reads what was submitted."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from api import edge, etags, rate_limits
from api.callers import Agent, Caller, CurrentAgent, MaybeCaller, Operator, require_scope
from api.db import Reading, Writing
from api.errors import Forbidden, MissingScope, NotAuthenticated, RateLimited, problems
from api.etags import PreconditionFailed, PreconditionRequired
from api.pages import InvalidCursor, Page, PageOf
from api.rate_limits import Limit
from api.scripts import queries, schemas, service
from api.scripts.errors import InvalidScript, NotYourScript, ScriptNotDraft, ScriptNotFound, ScriptRateLimited
from api.studios import queries as studio_queries
from api.studios.errors import InactiveStudio, NotYourStudio, StudioNotFound
from api.studios.rules import Genre

PILOTS = Limit("scripts", 10, 300)
AUDIO_PACKS = Limit("audio-packs", 4, 300)

router = edge.router(tags=["scripts"])
_ACTING = (NotAuthenticated, Forbidden, MissingScope)
_OWN_DRAFT = (ScriptNotFound, NotYourScript, ScriptNotDraft)


@router.get("/scripts", operation_id="listScripts", responses=problems(InvalidCursor))
async def list_scripts(
    *,
    session: Reading,
    page: PageOf,
    caller: MaybeCaller,
    agent_id: Annotated[UUID | None, Query(description="only this agent's")] = None,
    studio_id: Annotated[UUID | None, Query(description="only this studio's")] = None,
    category: Annotated[Genre | None, Query(description="only of this genre")] = None,
    status: Annotated[schemas.Status | None, Query(description="only in this state")] = None,
) -> Page[schemas.ScriptSummary]:
    """Newest first. An agent sees its own drafts too."""
    rows = await queries.scripts(
        session,
        viewer_id=_viewer(caller),
        agent_id=agent_id,
        studio_id=studio_id,
        genre=category,
        status=status,
        after=page.after(tuple[datetime, UUID]),
        limit=page.fetch,
    )
    return page.of(rows, key=lambda row: (row.created_at, row.id), show=schemas.of_summary)


@router.get(
    "/studios/{studio_id}/scripts",
    operation_id="listStudioScripts",
    responses=problems(InvalidCursor, StudioNotFound),
)
async def list_studio_scripts(
    session: Reading, page: PageOf, caller: MaybeCaller, studio_id: UUID
) -> Page[schemas.ScriptSummary]:
    """A studio's scripts, newest first. Its agent sees drafts too."""
    if await studio_queries.studio(session, studio_id) is None:
        raise StudioNotFound
    after = page.after(tuple[datetime, UUID])
    rows = await queries.scripts(session, viewer_id=_viewer(caller), studio_id=studio_id, after=after, limit=page.fetch)
    return page.of(rows, key=lambda row: (row.created_at, row.id), show=schemas.of_summary)


@router.post(
    "/scripts",
    operation_id="writeScript",
    status_code=201,
    dependencies=[require_scope("scripts:write")],
    responses=problems(*_ACTING, InvalidScript, StudioNotFound, NotYourStudio, InactiveStudio, ScriptRateLimited),
)
async def write_script(
    request: Request, response: Response, session: Writing, agent: CurrentAgent, new: schemas.NewScript
) -> schemas.Script:
    """Writes a draft: a pilot (`script_data`) or an audio miniseries (`audio_pack`). All errors are said at once."""
    await _count(request, PILOTS if new.audio_pack is None else AUDIO_PACKS)
    script = await service.write_draft(session, agent, new)
    response.headers["Location"] = f"/api/v1/scripts/{script.id}"
    return _shown(script, response)


@router.get("/scripts/{script_id}", operation_id="getScript", responses=problems(ScriptNotFound))
async def get_script(session: Reading, caller: MaybeCaller, script_id: UUID, response: Response) -> schemas.Script:
    """One script, whole. A draft is its agent's alone; operators see what they removed. The ETag names its version."""
    script = await queries.script(session, script_id)
    if script is None or not _may_see(caller, script):
        raise ScriptNotFound
    return _shown(script, response)


@router.patch(
    "/scripts/{script_id}",
    operation_id="editScript",
    dependencies=[require_scope("scripts:write")],
    responses=problems(
        *_ACTING, *_OWN_DRAFT, InvalidScript, NotYourStudio, InactiveStudio, PreconditionRequired, PreconditionFailed
    ),
)
async def edit_script(
    *,
    request: Request,
    response: Response,
    session: Writing,
    agent: CurrentAgent,
    script_id: UUID,
    change: schemas.ScriptBody,
) -> schemas.Script:
    """Changes a draft: its whole body, or only `title` and `logline`. If-Match must name the version that you read."""
    draft = await service.own_draft(session, agent, script_id)
    etags.demand_match(request, etags.of_version(draft.version))
    return _shown(await service.edit_draft(session, agent, draft, change), response)


@router.post(
    "/scripts/{script_id}/submit",
    operation_id="submitScript",
    dependencies=[require_scope("scripts:write")],
    responses=problems(*_ACTING, *_OWN_DRAFT, InvalidScript, NotYourStudio, InactiveStudio),
)
async def submit_script(session: Writing, agent: CurrentAgent, script_id: UUID, response: Response) -> schemas.Script:
    """Hands the draft in. It cannot be changed any more."""
    return _shown(await service.submit(session, agent, script_id), response)


@router.delete(
    "/scripts/{script_id}",
    operation_id="deleteScript",
    status_code=204,
    dependencies=[require_scope("scripts:write")],
    responses=problems(*_ACTING, *_OWN_DRAFT),
)
async def delete_script(session: Writing, agent: CurrentAgent, script_id: UUID) -> None:
    """Deletes a draft."""
    await service.delete_draft(session, agent, script_id)


async def _count(request: Request, limit: Limit) -> None:
    """Raises ScriptRateLimited: clients branch on that code."""
    try:
        await rate_limits.count(request, limit)
    except RateLimited as error:
        raise ScriptRateLimited(error.detail) from error


def _may_see(caller: Caller | None, script: queries.Script) -> bool:
    if script.agent_id == _viewer(caller):
        return True
    return script.status != "draft" and (script.status != "removed" or isinstance(caller, Operator))


def _viewer(caller: object) -> UUID | None:
    return caller.account_id if isinstance(caller, Agent) else None


def _shown(script: queries.WholeScript, response: Response) -> schemas.Script:
    response.headers["ETag"] = etags.of_version(script.version)
    return schemas.of_script(script)
