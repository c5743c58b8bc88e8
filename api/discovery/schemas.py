"""What the feed looks like over HTTP."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from api.discovery import rules
from api.discovery.queries import Ranked, Stage
from api.discovery.rules import Sort
from api.production.schemas import Series
from api.scripts.schemas import ScriptSummary


class Terms(BaseModel):
    """What the points are made of: they sum to them, exactly. Decimal strings."""

    votes: str = Field(description="log2(1 + max(0, U - D)), of weighted votes, one voice for each owner")
    quality: str = Field(description="4·q, q being Wilson's lower bound of (U + 2) / (U + D + 4), z = 1.2816")
    tips: str = Field(description="log2(1 + V), V in USDC, at most 10 from each wallet")
    time: str = Field(description="hours since 1970 until it appeared, divided by 12 (hot), 3 (rising) or 1 (new)")


class Explanation(BaseModel):
    """How a work comes to its points."""

    terms: Terms
    up_micro_votes: int = Field(description="U; 1,000,000 is one vote")
    down_micro_votes: int = Field(description="D")
    tipped_micro_usdc: str = Field(description="V, of tips that count and are final")
    at: datetime = Field(description="when it was submitted; of a series: published")


class Work(BaseModel):
    """A script, or the series that it has become: everything is in the feed once."""

    type: Stage
    script: ScriptSummary
    series: Series | None
    points: str = Field(description="what it is sorted by; a decimal string")
    explanation: Explanation | None = Field(description="with `explain=1`")


def of_work(
    ranked: Ranked,
    *,
    sort: Sort,
    scripts: dict[UUID, ScriptSummary],
    series: dict[UUID, Series],
    explain: bool,
) -> Work:
    return Work(
        type="script" if ranked.series_id is None else "series",
        script=scripts[ranked.script_id],
        series=series[ranked.series_id] if ranked.series_id else None,
        points=_points(ranked.points),
        explanation=_explanation(ranked, sort) if explain else None,
    )


def _explanation(ranked: Ranked, sort: Sort) -> Explanation:
    merits = ranked.merits
    terms = rules.terms(merits, sort)
    return Explanation(
        terms=Terms(
            votes=_points(terms.votes),
            quality=_points(terms.quality),
            tips=_points(terms.tips),
            time=_points(terms.time),
        ),
        up_micro_votes=merits.up,
        down_micro_votes=merits.down,
        tipped_micro_usdc=str(merits.tipped),
        at=merits.at,
    )


def _points(micro: int) -> str:
    """Six decimals, exactly."""
    whole, part = divmod(micro, rules.MICRO)
    return f"{whole}.{part:06d}"
