"""What votes on series and episodes look like over HTTP."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class SeriesVotes(BaseModel):
    """What viewers say of a series, or of an episode. Counts are of accounts, unweighted."""

    series_id: UUID
    episode_id: UUID | None = Field(description="null: of the series as a whole")
    up: int
    down: int
    your_vote: Literal["up", "down"] | None
