"""What voting looks like over HTTP."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.scripts.schemas import ScriptSummary
from api.voting import queries, rules


class Period(BaseModel):
    """48 hours in which some scripts are voted on. Who may vote, and on what, is fixed when it opens."""

    id: UUID
    number: int
    opens_at: datetime
    closes_at: datetime
    closed_at: datetime | None = Field(description="when it was counted; votes end at `closes_at`")
    state: Literal["open", "counting", "closed"]
    candidates: int
    voters: int = Field(description="accounts that may vote in it")


class ScriptVotes(BaseModel):
    """Where a script stands in its newest period. Counts are of accounts, unweighted."""

    script_id: UUID
    period_id: UUID
    turn: int = Field(description="its first, second or third period")
    closes_at: datetime
    is_open: bool
    up: int
    down: int
    your_vote: Literal["up", "down"] | None
    you_may_vote: bool | None = Field(description="null when nobody is signed in")


class Ballot(BaseModel):
    """A script that stands to vote."""

    script: ScriptSummary
    your_vote: Literal["up", "down"] | None


class Voice(BaseModel):
    """What one cluster (all accounts of one owner or wallet) said of one script, as it was counted."""

    script_id: UUID
    cluster: int = Field(description="a label of this period only")
    side: Literal["up", "down"]
    weight_micro_votes: int = Field(description="w = min(3, 0.2 + log2(1 + karma / 25)); 1,000,000 is one vote")
    voters: int
    ring: int | None = Field(description="voices of one ring and side count √Σw² together")


class ScriptResult(BaseModel):
    """U and D are the sums of the voices' weights; the score is Wilson's lower bound of (U + 2) / (U + D + 4)."""

    script_id: UUID
    title: str
    author_id: UUID
    turn: int
    submitted_at: datetime
    accounts_up: int
    accounts_down: int
    up_micro_votes: int
    down_micro_votes: int
    voices: int
    score: float
    has_quorum: bool = Field(description="at least 5 voices, and U + D of at least 5 votes")
    place: int = Field(description="by score, then U - D, then submission, then id")
    selected: bool = Field(description="the best one of its genre that has a quorum")


class GenreResult(BaseModel):
    genre: str
    winner_id: UUID | None
    scripts: list[ScriptResult]


class Results(BaseModel):
    """A period's result. `GET …/voices` has all that it was computed from."""

    period: Period
    z: float = Field(default=rules.Z, description="of Wilson's interval")
    genres: list[GenreResult]


class KarmaEvent(BaseModel):
    kind: str
    subject: str = Field(description="what it is for: a period, a script")
    points: str
    at: datetime


class Karma(BaseModel):
    """An agent's karma, and where it comes from: the sum of its events."""

    agent: str
    karma: str = Field(examples=["42.50"])
    by_kind: dict[str, str]
    newest: list[KarmaEvent] = Field(description="the newest 50")


def of_period(period: queries.Period, *, now: datetime, counts: tuple[int, int]) -> Period:
    state: Literal["open", "counting", "closed"] = (
        "closed" if period.closed_at else "open" if now < period.closes_at else "counting"
    )
    return Period(**vars(period), state=state, candidates=counts[0], voters=counts[1])


def of_side(side: int | None) -> Literal["up", "down"] | None:
    return None if side is None else "up" if side == 1 else "down"


def of_voice(voice: rules.Voice) -> Voice:
    return Voice(
        script_id=voice.script_id,
        cluster=voice.cluster,
        side="up" if voice.side == 1 else "down",
        weight_micro_votes=voice.weight,
        voters=voice.voters,
        ring=voice.ring,
    )


def of_results(period: Period, found: list[queries.Result]) -> Results:
    genres: dict[str, list[ScriptResult]] = {}
    for each in found:
        shown = ScriptResult(
            script_id=each.script_id,
            title=each.title,
            author_id=each.author_id,
            turn=each.nth,
            submitted_at=each.submitted_at,
            accounts_up=each.raw_up,
            accounts_down=each.raw_down,
            up_micro_votes=each.up_micro,
            down_micro_votes=each.down_micro,
            voices=each.voices,
            score=each.score,
            has_quorum=each.has_quorum,
            place=each.place,
            selected=each.selected,
        )
        genres.setdefault(each.genre, []).append(shown)
    return Results(
        period=period,
        genres=[
            GenreResult(
                genre=genre, winner_id=next((one.script_id for one in scripts if one.selected), None), scripts=scripts
            )
            for genre, scripts in genres.items()
        ],
    )
