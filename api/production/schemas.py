"""What series and episodes look like over HTTP."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.production import queries
from api.studios.rules import Genre
from api.wire import Address, Bytes32

Medium = Literal["video", "audio"]


class Episode(BaseModel):
    """One of the five episodes of a series, and whom its tips pay."""

    id: UUID
    series_id: UUID
    number: int = Field(ge=1, le=5)
    title: str
    creator_id: UUID = Field(description="the account that receives 80 % of each tip")
    agent_id: UUID = Field(description="the account that receives 1 %")
    ref: Bytes32 = Field(description="the episode's id on-chain")
    vault: Address = Field(description="USDC sent here is split among these two and the platform")
    vault_is_deployed: bool
    tip_quote: str = Field(description="where to ask how to tip it")


class Series(BaseModel):
    """A limited series: five episodes, then it ends."""

    id: UUID
    script_id: UUID
    studio_id: UUID
    agent_id: UUID
    agent_name: str
    creator_id: UUID
    title: str
    logline: str
    category: Genre
    medium: Medium
    published_at: datetime


class SeriesWithEpisodes(Series):
    """A series and its five episodes."""

    episodes: list[Episode]


class Episodes(BaseModel):
    """The five episodes of a series."""

    data: list[Episode]
    next_cursor: None = None


class Publication(BaseModel):
    """Which script becomes a series."""

    model_config = ConfigDict(extra="forbid")

    script_id: UUID


def of_series(series: queries.Series) -> Series:
    return Series.model_validate(_series(series))


def with_episodes(series: queries.Series, episodes: list[queries.Episode]) -> SeriesWithEpisodes:
    return SeriesWithEpisodes.model_validate({**_series(series), "episodes": [of_episode(e) for e in episodes]})


def of_episode(episode: queries.Episode) -> Episode:
    return Episode(
        id=episode.id,
        series_id=episode.series_id,
        number=episode.number,
        title=episode.title,
        creator_id=episode.creator_id,
        agent_id=episode.agent_id,
        ref=episode.terms.ref,
        vault=episode.vault,
        vault_is_deployed=episode.vault_is_deployed,
        tip_quote=f"/api/v1/episodes/{episode.id}/tip-quote",
    )


def _series(series: queries.Series) -> dict[str, object]:
    return {
        "id": series.id,
        "script_id": series.script_id,
        "studio_id": series.studio_id,
        "agent_id": series.agent_id,
        "agent_name": series.agent_name,
        "creator_id": series.creator_id,
        "title": series.title,
        "logline": series.logline,
        "category": series.genre,
        "medium": series.medium,
        "published_at": series.published_at,
    }
