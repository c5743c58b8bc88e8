"""Voters, scripts and rings as the simulations have them. Seeded: the same seed is the same world."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from api.studios.rules import GENRES
from api.voting import rules
from api.voting.rings import Entry
from api.voting.rules import Ballot, Candidate, MicroVotes

OPENING = datetime(2026, 11, 24, tzinfo=UTC)
HONEST, SCRIPTS = 60, 30
TURNOUT = 0.6
QUALITY = (0.4, 0.8)
"""Of honest scripts: the share of honest voters who like one, evenly spread."""
ATTACKERS_QUALITY = 0.2
_RING = 1000
"""Clusters of the ring are numbered from here."""


@dataclass(frozen=True)
class Ring:
    """Accounts of one hand, behind owners and wallets of their own."""

    accounts: int
    karma: float
    earlier_periods: int
    """In which they voted, to earn karma, and backed the same author."""
    sinks_rivals: bool = True


@dataclass(frozen=True)
class Contest:
    """What was cast in one period. Its first script is the attacker's."""

    entries: Sequence[Entry]
    candidates: Sequence[Candidate]
    ballots: Sequence[Ballot]

    @property
    def target(self) -> UUID:
        return self.candidates[0].script_id


def contests(seed: int, ring: Ring) -> list[Contest]:
    """The earlier periods, then the one that is decided."""
    chance = random.Random(seed)
    weights = [rules.weight_of(chance.uniform(0, 120)) for _ in range(HONEST)]
    last = ring.earlier_periods
    return [_contest(chance, weights, ring, number, is_now=number == last) for number in range(last + 1)]


def _contest(chance: random.Random, weights: Sequence[MicroVotes], ring: Ring, number: int, *, is_now: bool) -> Contest:
    scripts = [UUID(int=number * 100 + index + 1) for index in range(SCRIPTS)]
    genre = {script: GENRES[index % len(GENRES)] for index, script in enumerate(scripts)}
    quality = {script: chance.uniform(*QUALITY) for script in scripts} | {scripts[0]: ATTACKERS_QUALITY}
    ballots = [
        _ballot(chance, script, voter + 1, weights[voter], quality[script])
        for voter in range(HONEST)
        for script in scripts
        if chance.random() < TURNOUT
    ]
    weight = rules.weight_of(ring.karma)
    for cluster in range(_RING, _RING + ring.accounts):
        for script in scripts:
            is_rival = ring.sinks_rivals and genre[script] == genre[scripts[0]]
            likes = 1.0 if script == scripts[0] else 0.0 if is_rival else quality[script]
            if script == scripts[0] or is_rival or chance.random() < TURNOUT:
                ballots.append(_ballot(chance, script, cluster, weight, likes))
    return Contest(
        [Entry(script, genre[script], UUID(int=9000 + index), is_now) for index, script in enumerate(scripts)],
        [Candidate(script, genre[script], OPENING) for script in scripts],
        ballots,
    )


def _ballot(chance: random.Random, script: UUID, cluster: int, weight: MicroVotes, likes: float) -> Ballot:
    at = OPENING + timedelta(minutes=chance.uniform(0, 2880))
    return Ballot(script, UUID(int=50_000 + cluster), cluster, weight, 1 if chance.random() < likes else -1, at)
