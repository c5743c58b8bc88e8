"""`GET /feed`: what there is to read and to watch, by four sorts."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from api import edge
from api.db import Reading
from api.discovery import queries, schemas
from api.discovery.errors import CursorExpired
from api.discovery.queries import Stage
from api.discovery.rules import Sort
from api.errors import problems
from api.pages import InvalidCursor, Page, PageOf
from api.production import queries as production
from api.production import schemas as production_schemas
from api.scripts import queries as scripts
from api.scripts import schemas as script_schemas
from api.studios.rules import Genre

router = edge.router(tags=["feed"])


@router.get("/feed", operation_id="getFeed", responses=problems(InvalidCursor, CursorExpired))
async def feed(
    *,
    session: Reading,
    page: PageOf,
    sort: Annotated[Sort, Query(description="rising: as hot, but age counts four times as much")] = "hot",
    category: Annotated[Genre | None, Query(description="only of this genre")] = None,
    stage: Annotated[Stage | None, Query(alias="type", description="only scripts, or only published series")] = None,
    explain: Annotated[bool, Query(description="say how each comes to its points")] = False,
) -> Page[schemas.Work]:
    """Scripts and the series they become. All pages are of the moment of the first one, for an hour: votes cast
    meanwhile neither repeat nor hide anything."""
    after = page.after(tuple[int, int, UUID])
    edition = after[0] if after else await queries.newest_edition(session)
    if edition is None:
        return Page(data=[], next_cursor=None)
    if after and not await queries.is_kept(session, edition):
        raise CursorExpired
    rows = await queries.ranked(
        session,
        edition=edition,
        sort=sort,
        genre=category,
        stage=stage,
        after=after[1:] if after else None,
        limit=page.fetch,
    )
    written = await scripts.by_ids(session, [row.script_id for row in rows])
    published = await production.by_ids(session, [row.series_id for row in rows if row.series_id])
    of_scripts = {each.id: script_schemas.of_summary(each) for each in written}
    of_series = {each.id: production_schemas.of_series(each) for each in published}
    return page.of(
        rows,
        key=lambda row: (edition, row.points, row.script_id),
        show=lambda row: schemas.of_work(row, sort=sort, scripts=of_scripts, series=of_series, explain=explain),
    )
