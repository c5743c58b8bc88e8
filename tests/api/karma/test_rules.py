"""What is worth how much."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from api.karma import rules


@given(st.integers(0, 500), st.integers(0, 500), st.decimals(0, 100, places=2))
def test_taking_part_is_worth_ten_a_period_and_forty_a_week(voted: int, eligible: int, before: Decimal) -> None:
    points = rules.participation(voted=voted, eligible=eligible, in_the_week_before=before)
    assert 0 <= points <= 10
    assert points == 0 or before + points <= 40


def test_the_multiplier_of_the_limits() -> None:
    assert [rules.multiplier(Decimal(karma), is_new=False) for karma in (-5, 9, 10, 99, 100, 999, 1000)] == [
        0.5, 0.5, 1.0, 1.0, 1.5, 1.5, 2.0
    ]  # fmt: skip
    assert [rules.multiplier(Decimal(karma), is_new=True) for karma in (0, 100)] == [1.0, 1.5]


def test_an_author_is_worth_ten_at_most() -> None:
    assert [rules.author(votes) for votes in (0, 1, 7, 1000)] == [0, 2, 6, 10]
