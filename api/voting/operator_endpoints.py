"""`/operator/rings`: what seems to vote together, for people to judge. Its evidence is for nobody else."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from api import edge
from api.callers import CurrentOperator
from api.db import Reading, Writing
from api.errors import Forbidden, NotAuthenticated, problems
from api.pages import InvalidCursor, Page, PageOf
from api.voting import review
from api.voting.errors import RingDecided, RingNotFound

router = edge.router(tags=["operator"])
_OPERATOR = (NotAuthenticated, Forbidden)


class Ring(BaseModel):
    """Suspected to vote together: on the scripts of the evidence its voices counted √Σw²."""

    id: UUID
    period_id: UUID
    number: int = Field(description="`ring` of the period's voices")
    kind: Literal["contest", "author", "burst"]
    state: Literal["open", "confirmed", "dismissed"]
    reason: str | None
    evidence: dict[str, Any]
    members: list[UUID] = Field(description="accounts")
    created_at: datetime
    decided_at: datetime | None


class Decision(BaseModel):
    """What a person made of it."""

    model_config = ConfigDict(extra="forbid")

    state: review.Decision
    reason: str = Field(min_length=3, max_length=500)


@router.get("/operator/rings", operation_id="listRings", responses=problems(*_OPERATOR, InvalidCursor))
async def list_rings(
    session: Reading,
    _operator: CurrentOperator,
    page: PageOf,
    state: Annotated[Literal["open", "confirmed", "dismissed"], Query(description="only these")] = "open",
) -> Page[Ring]:
    """Oldest first."""
    rows = await review.rings(session, state=state, after=page.after(tuple[datetime, UUID]), limit=page.fetch)
    return page.of(rows, key=lambda ring: (ring.created_at, ring.id), show=lambda ring: Ring(**vars(ring)))


@router.post(
    "/operator/rings/{ring_id}/decision",
    operation_id="decideRing",
    responses=problems(*_OPERATOR, RingNotFound, RingDecided),
)
async def decide_ring(session: Writing, operator: CurrentOperator, ring_id: UUID, body: Decision) -> Ring:
    """Confirms or dismisses it, once. Confirming costs each member 25 karma; the period's result stands."""
    return Ring(**vars(await review.decide(session, operator, ring_id, body.state, body.reason)))
