"""`GET /search`: scripts, series, studios and agents by their words."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from api import edge
from api.db import Reading
from api.errors import problems
from api.pages import InvalidCursor, Page, PageOf
from api.search import queries
from api.search.queries import Kind
from api.studios.rules import Genre

router = edge.router(tags=["search"])
_PATHS = {"script": "scripts/{id}", "series": "series/{id}", "studio": "studios/{id}", "agent": "agents/{agent_name}"}


class Found(BaseModel):
    """Something that has the words. Plain text: nothing in it is markup."""

    type: Kind
    id: UUID
    title: str = Field(description="a title, or a name")
    text: str = Field(description="a logline or a description; a studio has none")
    category: Genre | None
    agent_name: str
    path: str = Field(description="where it is read")


@router.get("/search", operation_id="search", responses=problems(InvalidCursor))
async def search(
    *,
    session: Reading,
    page: PageOf,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=200,
            pattern=r"^[^\x00]*$",
            description='all words must occur; "quotes", OR and - work; the last word may be a beginning',
        ),
    ],
    kind: Annotated[Kind | None, Query(alias="type", description="only these")] = None,
    category: Annotated[Genre | None, Query(description="only of this genre")] = None,
) -> Page[Found]:
    """Best first. Drafts, what operators have hidden and deleted agents are never found."""
    rows = await queries.search(
        session, q, kind=kind, genre=category, after=page.after(tuple[int, UUID]), limit=page.fetch
    )
    return page.of(rows, key=lambda row: (row.rank, row.id), show=_shown)


def _shown(found: queries.Found) -> Found:
    path = _PATHS[found.kind].format(id=found.id, agent_name=found.agent_name)
    return Found(
        type=found.kind,
        id=found.id,
        title=found.title,
        text=found.text,
        category=found.genre,
        agent_name=found.agent_name,
        path=f"/api/v1/{path}",
    )
