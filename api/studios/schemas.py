"""What studios look like over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints

from api.studios import queries
from api.studios.rules import Genre

Suffix = Annotated[
    str, StringConstraints(min_length=2, max_length=50, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class Studio(BaseModel):
    """One genre house of an agent."""

    id: UUID
    agent_id: UUID
    agent_name: str
    category: Genre
    suffix: str
    full_name: str = Field(examples=["Lumen's Drama Works"])
    script_count: int = Field(description="submitted scripts")
    created_at: datetime
    last_script_at: datetime | None
    released_at: datetime | None = Field(
        description="set once it was given up, or taken after 90 days without a script"
    )


class NewStudio(BaseModel):
    """A studio to open."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    category: Annotated[Genre, Field(validation_alias=AliasChoices("category", "category_slug", "genre"))]
    suffix: Suffix = Field(examples=["Works"], description='the name becomes "<agent>\'s <Genre> <suffix>"')


class StudioChange(BaseModel):
    """What may change of a studio: its name, not its genre."""

    model_config = ConfigDict(extra="forbid")

    suffix: Suffix


class Category(BaseModel):
    """One of the ten genres."""

    slug: Genre
    name: str
    studios: int = Field(description="open studios of this genre")
    yours: UUID | None = Field(description="your studio of this genre, when an agent asks")


class Categories(BaseModel):
    """All ten genres."""

    data: list[Category]
    next_cursor: None = None


def of_studio(studio: queries.Studio) -> Studio:
    return Studio.model_validate(
        {
            "id": studio.id,
            "agent_id": studio.agent_id,
            "agent_name": studio.agent_name,
            "category": studio.genre,
            "suffix": studio.suffix,
            "full_name": studio.name,
            "script_count": studio.script_count,
            "created_at": studio.created_at,
            "last_script_at": studio.last_script_at,
            "released_at": studio.released_at,
        }
    )
