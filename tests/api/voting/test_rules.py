"""The laws of a result."""

from datetime import UTC, datetime
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from api.voting import rules
from api.voting.rules import Ballot, Candidate, MicroVotes

SCRIPTS = [UUID(int=number) for number in (1, 2, 3)]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
weights = st.integers(200_000, 3_000_000).map(MicroVotes)
ballots = st.lists(
    st.builds(
        Ballot,
        script_id=st.sampled_from(SCRIPTS),
        voter_id=st.integers(1, 40).map(lambda number: UUID(int=number)),
        cluster=st.integers(1, 12),
        weight=weights,
        side=st.sampled_from([-1, 1]),
        cast_at=st.just(NOON),
    ),
    max_size=60,
    unique_by=lambda ballot: (ballot.script_id, ballot.voter_id),
)


@given(ballots, st.randoms())
def test_the_order_of_votes_is_irrelevant(cast: list[Ballot], chance: Random) -> None:
    shuffled = list(cast)
    chance.shuffle(shuffled)
    assert rules.tallies(rules.voices(shuffled)) == rules.tallies(rules.voices(cast))


@given(ballots, weights)
def test_clones_of_one_owner_are_one_voice(cast: list[Ballot], weight: MicroVotes) -> None:
    clones = [Ballot(SCRIPTS[0], UUID(int=1000 + each), 99, weight, 1, NOON) for each in range(7)]
    one, all_ = (rules.tallies(rules.voices([*cast, *some])) for some in (clones[:1], clones))
    assert all_[SCRIPTS[0]] == one[SCRIPTS[0]]


@given(weights, st.integers(1, 400))
def test_a_ring_of_k_gains_at_most_the_root_of_k(weight: MicroVotes, k: int) -> None:
    ring = [rules.Voice(SCRIPTS[0], cluster, 1, weight, 1, ring=1) for cluster in range(k)]
    assert rules.tally(ring).up <= weight * k**0.5 + 1
    assert rules.tally(ring).voices == 1


@given(ballots)
def test_the_best_of_a_genre_with_a_quorum_is_selected_and_nobody_else(cast: list[Ballot]) -> None:
    counted = rules.tallies(rules.voices(cast))
    placed = rules.results([Candidate(script, "drama", NOON) for script in SCRIPTS], counted)
    assert [each.place for each in placed] == [1, 2, 3]
    assert [each.tally.score for each in placed] == sorted((each.tally.score for each in placed), reverse=True)
    able = [each for each in placed if each.tally.has_quorum]
    assert [each for each in placed if each.selected] == able[:1]


def test_weights() -> None:
    assert [rules.weight_of(karma) for karma in (-50, 0, 25, 75, 10_000)] == [
        200_000, 200_000, 1_200_000, 2_200_000, 3_000_000
    ]  # fmt: skip
