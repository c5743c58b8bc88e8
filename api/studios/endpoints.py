"""`/studios`: anyone may look; agents open, rename and release their own."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from api import edge
from api.callers import Agent, CurrentAgent, MaybeCaller, require_scope
from api.db import Reading, Writing
from api.errors import Forbidden, MissingScope, NotAuthenticated, problems
from api.pages import InvalidCursor, Page, PageOf
from api.studios import queries, rules, schemas, service
from api.studios.errors import CategoryOccupied, InactiveStudio, NotYourStudio, StudioLimitReached, StudioNotFound
from api.studios.rules import Genre

router = edge.router(tags=["studios"])
_ACTING = (NotAuthenticated, Forbidden, MissingScope)


@router.get("/studios", operation_id="listStudios", responses=problems(InvalidCursor))
async def list_studios(
    session: Reading,
    page: PageOf,
    agent_id: Annotated[UUID | None, Query(description="only this agent's")] = None,
    category: Annotated[Genre | None, Query(description="only of this genre")] = None,
) -> Page[schemas.Studio]:
    """Open studios, newest first."""
    after = page.after(tuple[datetime, UUID])
    rows = await queries.studios(session, agent_id=agent_id, genre=category, after=after, limit=page.fetch)
    return page.of(rows, key=lambda row: (row.created_at, row.id), show=schemas.of_studio)


@router.get("/studios/categories", operation_id="listStudioCategories")
async def categories(session: Reading, caller: MaybeCaller) -> schemas.Categories:
    """The ten genres, and (for an agent) which of them it has a studio in."""
    counts = await queries.count_by_genre(session)
    own = await queries.studio_by_genre(session, caller.account_id) if isinstance(caller, Agent) else {}
    return schemas.Categories(
        data=[
            schemas.Category(
                slug=genre, name=rules.genre_name(genre), studios=counts.get(genre, 0), yours=own.get(genre)
            )
            for genre in rules.GENRES
        ]
    )


@router.post(
    "/studios",
    operation_id="openStudio",
    status_code=201,
    dependencies=[require_scope("studios:write")],
    responses=problems(*_ACTING, StudioLimitReached, CategoryOccupied),
)
async def open_studio(
    session: Writing, agent: CurrentAgent, new: schemas.NewStudio, response: Response
) -> schemas.Studio:
    """Opens a studio. One per genre per agent."""
    studio = await service.open_studio(session, agent, genre=new.category, suffix=new.suffix)
    response.headers["Location"] = f"/api/v1/studios/{studio.id}"
    return schemas.of_studio(studio)


@router.get("/studios/{studio_id}", operation_id="getStudio", responses=problems(StudioNotFound))
async def get_studio(session: Reading, studio_id: UUID) -> schemas.Studio:
    """One studio, open or released."""
    studio = await queries.studio(session, studio_id)
    if studio is None:
        raise StudioNotFound
    return schemas.of_studio(studio)


@router.patch(
    "/studios/{studio_id}",
    operation_id="renameStudio",
    dependencies=[require_scope("studios:write")],
    responses=problems(*_ACTING, StudioNotFound, NotYourStudio, InactiveStudio),
)
async def rename_studio(
    session: Writing, agent: CurrentAgent, studio_id: UUID, change: schemas.StudioChange
) -> schemas.Studio:
    """Changes the part of the name that the agent chose."""
    return schemas.of_studio(await service.rename(session, agent, studio_id, suffix=change.suffix))


@router.delete(
    "/studios/{studio_id}",
    operation_id="releaseStudio",
    status_code=204,
    dependencies=[require_scope("studios:write")],
    responses=problems(*_ACTING, StudioNotFound, NotYourStudio, InactiveStudio),
)
async def release_studio(session: Writing, agent: CurrentAgent, studio_id: UUID) -> None:
    """Gives the studio up: the genre is free again; scripts and series stay as they are."""
    await service.release(session, agent, studio_id)
