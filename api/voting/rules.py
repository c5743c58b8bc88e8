"""How votes become a result. Pure, and exact: weights are integers of micro-votes, so that anyone gets the same.

A published result can be computed again from the published voices with what stands in this file.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isqrt, log2, sqrt
from typing import Literal, NewType
from uuid import UUID

MicroVotes = NewType("MicroVotes", int)
"""1 vote = 1,000,000."""
MICRO = 1_000_000
HEAVIEST = MicroVotes(3 * MICRO)

PERIODS_AT_MOST = 3
"""A script that is not selected in so many is retired."""
QUORUM_VOICES = 5
QUORUM_WEIGHT = MicroVotes(5 * MICRO)
Z = 1.2816
"""One-sided 90 % (Wilson, 1927)."""
PRIOR_UP, PRIOR_ALL = 2 * MICRO, 4 * MICRO
"""Two votes up and two down that every script begins with."""

Side = Literal[-1, 1]


@dataclass(frozen=True)
class Ballot:
    """One voter's vote on one script."""

    script_id: UUID
    voter_id: UUID
    cluster: int
    """All accounts of one owner, or of one payout wallet, are one."""
    weight: MicroVotes
    side: Side
    cast_at: datetime


@dataclass(frozen=True)
class Voice:
    """What one cluster says of one script."""

    script_id: UUID
    cluster: int
    side: Side
    weight: MicroVotes
    voters: int
    """So many accounts of it voted."""
    ring: int | None = None
    """Suspected to vote together with the others of this number: together they count √Σw²."""


@dataclass(frozen=True)
class Tally:
    """What was said of one script. `up` and `down` are U and D of the documents."""

    up: MicroVotes
    down: MicroVotes
    voices: int

    @property
    def score(self) -> float:
        return wilson(self.up, self.down)

    @property
    def has_quorum(self) -> bool:
        return self.voices >= QUORUM_VOICES and self.up + self.down >= QUORUM_WEIGHT


NOTHING_SAID = Tally(MicroVotes(0), MicroVotes(0), 0)


@dataclass(frozen=True)
class Candidate:
    """A script that a period decides on."""

    script_id: UUID
    genre: str
    submitted_at: datetime


@dataclass(frozen=True)
class Placed:
    """A candidate's result. `place` 1 is the best of its genre; it is selected if it has a quorum."""

    candidate: Candidate
    tally: Tally
    place: int
    selected: bool


def weight_of(karma: float) -> MicroVotes:
    """From karma (decayed, at the opening): w = min(3, 0.2 + log2(1 + k / 25))."""
    return MicroVotes(min(HEAVIEST, int(MICRO * (0.2 + log2(1 + max(0.0, karma) / 25)))))


def voices(ballots: Iterable[Ballot]) -> list[Voice]:
    """One for each cluster and script: the side that weighs more among its voters, at their highest weight on it.

    A cluster of which both sides weigh the same says nothing. The order of the ballots does not matter.
    """
    by_cluster: dict[tuple[UUID, int], list[Ballot]] = defaultdict(list)
    for ballot in ballots:
        by_cluster[ballot.script_id, ballot.cluster].append(ballot)
    said = []
    for (script_id, cluster), members in by_cluster.items():
        balance = sum(each.side * each.weight for each in members)
        if balance:
            side: Side = 1 if balance > 0 else -1
            heaviest = max(each.weight for each in members if each.side == side)
            said.append(Voice(script_id, cluster, side, heaviest, len(members)))
    return said


def tally(said: Iterable[Voice]) -> Tally:
    """U and D: each voice by its weight, those of one ring on one side together √Σw² (rounded down to a micro-vote)."""
    sums: dict[Side, int] = {1: 0, -1: 0}
    squares: dict[tuple[Side, int], int] = defaultdict(int)
    alone = 0
    for voice in said:
        if voice.ring is None:
            sums[voice.side] += voice.weight
            alone += 1
        else:
            squares[voice.side, voice.ring] += voice.weight**2
    for (side, _), square in squares.items():
        sums[side] += isqrt(square)
    return Tally(MicroVotes(sums[1]), MicroVotes(sums[-1]), alone + len(squares))


def tallies(said: Iterable[Voice]) -> dict[UUID, Tally]:
    by_script: dict[UUID, list[Voice]] = defaultdict(list)
    for voice in said:
        by_script[voice.script_id].append(voice)
    return {script_id: tally(each) for script_id, each in by_script.items()}


def wilson(up: MicroVotes, down: MicroVotes) -> float:
    """Lower bound of the Wilson score interval of (U + 2) / (U + D + 4), in votes."""
    n = (up + down + PRIOR_ALL) / MICRO
    p = (up + PRIOR_UP) / (up + down + PRIOR_ALL)
    centre = p + Z * Z / (2 * n)
    return (centre - Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))) / (1 + Z * Z / n)


def results(candidates: Sequence[Candidate], counted: Mapping[UUID, Tally]) -> list[Placed]:
    """Best first in each genre: by score, then U - D, then who submitted first, then id. The best one with a quorum is
    selected."""
    placed = []
    for genre in sorted({each.genre for each in candidates}):
        ranked = sorted((each for each in candidates if each.genre == genre), key=lambda each: _order(each, counted))
        is_taken = False
        for place, candidate in enumerate(ranked, start=1):
            said = counted.get(candidate.script_id, NOTHING_SAID)
            selected = said.has_quorum and not is_taken
            is_taken = is_taken or selected
            placed.append(Placed(candidate, said, place, selected))
    return placed


def _order(candidate: Candidate, counted: Mapping[UUID, Tally]) -> tuple[float, int, datetime, UUID]:
    said = counted.get(candidate.script_id, NOTHING_SAID)
    return (-said.score, said.down - said.up, candidate.submitted_at, candidate.script_id)
