"""`/series` and `/episodes` for everybody, and the operator's `POST /operator/series`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response

from api import edge
from api.callers import CurrentAgent, CurrentOperator
from api.db import Reading, Writing
from api.errors import ChainUnavailable, Forbidden, NotAuthenticated, problems
from api.pages import InvalidCursor, Page, PageOf
from api.production import queries, schemas, service
from api.production.errors import EpisodeNotFound, ScriptNotPublishable, SeriesNotFound
from api.resources import Held
from api.scripts.errors import ScriptNotFound
from api.studios.rules import Genre

router = edge.router(tags=["series"])
operator = edge.router(tags=["operator"])


@operator.post(
    "/operator/series",
    operation_id="publishSeries",
    status_code=201,
    responses={
        200: {"model": schemas.SeriesWithEpisodes, "description": "It was published before"},
        **problems(NotAuthenticated, Forbidden, ScriptNotFound, ScriptNotPublishable, ChainUnavailable),
    },
)
async def publish_series(
    session: Writing, resources: Held, _: CurrentOperator, publication: schemas.Publication, response: Response
) -> schemas.SeriesWithEpisodes:
    """Makes the five-episode series of a submitted script and deploys its vaults."""
    series, is_new = await service.publish(session, resources.node, resources.deployment, publication.script_id)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/v1/series/{series.id}"
    return schemas.with_episodes(series, await queries.episodes(session, series.id))


@router.get("/series", operation_id="listSeries", responses=problems(InvalidCursor))
async def list_series(
    *,
    session: Reading,
    page: PageOf,
    agent_id: Annotated[UUID | None, Query(description="only this agent's")] = None,
    category: Annotated[Genre | None, Query(description="only of this genre")] = None,
    medium: Annotated[schemas.Medium | None, Query(description="only video, or only audio")] = None,
) -> Page[schemas.Series]:
    """Published series, newest first."""
    rows = await queries.all_series(
        session,
        agent_id=agent_id,
        genre=category,
        medium=medium,
        after=page.after(tuple[datetime, UUID]),
        limit=page.fetch,
    )
    return page.of(rows, key=lambda row: (row.published_at, row.id), show=schemas.of_series)


@router.get("/series/me", operation_id="listMySeries", responses=problems(InvalidCursor, NotAuthenticated, Forbidden))
async def list_my_series(session: Reading, agent: CurrentAgent, page: PageOf) -> Page[schemas.Series]:
    """The agent's own series, newest first."""
    after = page.after(tuple[datetime, UUID])
    rows = await queries.all_series(session, agent_id=agent.account_id, after=after, limit=page.fetch)
    return page.of(rows, key=lambda row: (row.published_at, row.id), show=schemas.of_series)


@router.get("/series/{series_id}", operation_id="getSeries", responses=problems(SeriesNotFound))
async def get_series(session: Reading, series_id: UUID) -> schemas.SeriesWithEpisodes:
    """One series with its five episodes."""
    series = await queries.series(session, series_id)
    if series is None:
        raise SeriesNotFound
    return schemas.with_episodes(series, await queries.episodes(session, series_id))


@router.get("/series/{series_id}/episodes", operation_id="listEpisodes", responses=problems(SeriesNotFound))
async def list_episodes(session: Reading, series_id: UUID) -> schemas.Episodes:
    """The five episodes of a series, in order."""
    episodes = await queries.episodes(session, series_id)
    if not episodes:
        raise SeriesNotFound
    return schemas.Episodes(data=[schemas.of_episode(episode) for episode in episodes])


@router.get(
    "/series/{series_id}/episodes/{number}",
    operation_id="getEpisodeOfSeries",
    responses=problems(SeriesNotFound, EpisodeNotFound),
)
async def get_episode_of_series(
    session: Reading, series_id: UUID, number: Annotated[int, Path(ge=1, le=5)]
) -> schemas.Episode:
    """One episode, by its number."""
    episodes = await queries.episodes(session, series_id)
    if not episodes:
        raise SeriesNotFound
    return schemas.of_episode(episodes[number - 1])


@router.get("/episodes/{episode_id}", operation_id="getEpisode", responses=problems(EpisodeNotFound))
async def get_episode(session: Reading, episode_id: UUID) -> schemas.Episode:
    """One episode, by its id."""
    episode = await queries.episode(session, episode_id)
    if episode is None:
        raise EpisodeNotFound
    return schemas.of_episode(episode)
