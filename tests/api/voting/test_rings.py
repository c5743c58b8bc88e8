"""Whom the detector suspects, and whom it leaves alone."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

from api.voting import rings, rules
from api.voting.rules import Ballot, MicroVotes

OPENING = datetime(2026, 11, 24, tzinfo=UTC)
QUALITY = {UUID(int=1): 0.2, UUID(int=2): 0.5, UUID(int=3): 0.6, UUID(int=4): 0.5, UUID(int=5): 0.4, UUID(int=6): 0.6}
TARGET, *RIVALS = list(QUALITY)[:3]
GENRES = {script: "drama" if script in (TARGET, *RIVALS) else "crime" for script in QUALITY}
ENTRIES = [rings.Entry(script, GENRES[script], UUID(int=900 + script.int), is_now=True) for script in QUALITY]


def honest(chance: random.Random, count: int = 60) -> list[Ballot]:
    return [
        a_ballot(chance, script, cluster, 1 if chance.random() < quality else -1)
        for cluster in range(1, count + 1)
        for script, quality in QUALITY.items()
        if chance.random() < 0.6
    ]


def a_ballot(chance: random.Random, script: UUID, cluster: int, side: rules.Side, *, minutes: float = 2880) -> Ballot:
    at = OPENING + timedelta(minutes=chance.random() * minutes)
    return Ballot(script, UUID(int=5000 + cluster), cluster, MicroVotes(2_000_000), side, at)


def suspected(cast: list[Ballot]) -> list[rings.Suspicion]:
    return rings.suspected(ENTRIES, rules.voices(cast), {(each.script_id, each.cluster): each.cast_at for each in cast})


def test_honest_voters_are_left_alone() -> None:
    flagged = sum(bool(suspected(honest(random.Random(seed)))) for seed in range(40))
    assert flagged <= 2


def test_thirty_who_raise_one_and_sink_its_rivals_count_as_their_root() -> None:
    for seed in range(10):
        chance = random.Random(seed)
        ring = [
            a_ballot(chance, script, cluster, 1 if script == TARGET else -1)
            for cluster in range(100, 130)
            for script in (TARGET, *RIVALS)
        ]
        cast = [*honest(chance), *ring]
        found = [each for each in suspected(cast) if TARGET in each.scripts]
        assert any(each.clusters >= set(range(100, 130)) for each in found)
        marked = rings.marked(rules.voices(cast), found)
        inside = [each for each in marked if each.script_id == TARGET and each.cluster >= 100]
        assert all(each.ring is not None for each in inside)


def test_a_burst_is_noticed() -> None:
    chance = random.Random(1)
    burst = [a_ballot(chance, TARGET, cluster, 1, minutes=5) for cluster in range(100, 120)]
    assert "burst" in {each.kind for each in suspected([*honest(chance), *burst])}
