"""Reads of series and episodes."""

from dataclasses import dataclass
from uuid import UUID

from api.production import terms
from api.production.terms import Terms


@dataclass(frozen=True)
class Episode:
    """An episode, and whom its tips pay: fixed when it was published."""

    id: UUID
    series_id: UUID
    number: int
    title: str
    creator_id: UUID
    agent_id: UUID
    vault: bytes

    @property
    def terms(self) -> Terms:
        return terms.of(creator_id=self.creator_id, agent_id=self.agent_id, episode_id=self.id)
