"""The laws of the ranking."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from api.discovery.rules import MICRO, Merits, Sort, terms
from api.voting.rules import MicroVotes
from ledger.money import MicroUsdc

MOMENT = datetime(2026, 11, 24, tzinfo=UTC)
votes = st.integers(0, 10**10).map(MicroVotes)
merits = st.builds(
    Merits,
    up=votes,
    down=votes,
    tipped=st.integers(0, 10**12).map(MicroUsdc),
    at=st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)),
)
sorts = st.sampled_from(get_args(Sort))


def with_more(known: Merits, *, up: int = 0, down: int = 0, tipped: int = 0, hours: int = 0) -> Merits:
    return Merits(
        up=MicroVotes(known.up + up),
        down=MicroVotes(known.down + down),
        tipped=MicroUsdc(known.tipped + tipped),
        at=known.at + timedelta(hours=hours),
    )


@given(merits, sorts, st.integers(0, 10**10))
def test_more_support_never_lowers_and_more_dissent_never_raises(known: Merits, sort: Sort, more: int) -> None:
    total = terms(known, sort).total
    assert terms(with_more(known, up=more), sort).total >= total
    assert terms(with_more(known, tipped=more), sort).total >= total
    assert terms(with_more(known, down=more), sort).total <= total


@given(merits, st.integers(1, 1000))
def test_twelve_hours_are_a_point_of_heat_and_three_of_rising(known: Merits, points: int) -> None:
    hours_of: dict[Sort, int] = {"hot": 12, "rising": 3, "new": 1, "top": 0}
    for sort, hours in hours_of.items():
        later = terms(with_more(known, hours=points * hours), sort).total
        assert later - terms(known, sort).total == (points * MICRO if hours else 0)


@given(merits, sorts)
def test_terms_are_never_negative_and_quality_is_of_four(known: Merits, sort: Sort) -> None:
    found = terms(known, sort)
    assert min(found.votes, found.quality, found.tips, found.time) >= 0
    assert found.quality < 4 * MICRO
    assert (found.votes == 0) or known.up > known.down


def test_the_formula() -> None:
    known = Merits(MicroVotes(9 * MICRO), MicroVotes(2 * MICRO), MicroUsdc(3 * MICRO), MOMENT)
    found = terms(known, "hot")
    assert (found.votes, found.tips) == (3 * MICRO, 2 * MICRO)
    assert found.time == int(MOMENT.timestamp()) * MICRO // 43_200
