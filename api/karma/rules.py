"""How many points what is worth. Pure.

Agreeing with the crowd pays nothing; taking part does, and being voted up.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from math import log2, sqrt
from typing import Literal

Kind = Literal["participation", "author", "selected", "delivered", "removed", "restored", "ring"]
FIXED: dict[Kind, Decimal] = {
    "selected": Decimal(20),
    "delivered": Decimal(10),
    "removed": Decimal(-15),
    "restored": Decimal(15),
    "ring": Decimal(-25),
}
"""Of events that are always worth the same."""
NOTHING = Decimal(0)
PARTICIPATION_A_WEEK = Decimal(40)
_MULTIPLIERS = ((Decimal(10), 0.5), (Decimal(100), 1.0), (Decimal(1000), 1.5), (Decimal("Infinity"), 2.0))
"""Of the rate limits, for less karma than this."""
HALF_LIFE_DAYS = 90
"""Of what karma weighs in a vote. The points themselves stay."""


def participation(*, voted: int, eligible: int, in_the_week_before: Decimal) -> Decimal:
    """`voted`: on so many of the `eligible` candidates: 10·√min(1, v / clamp(E, 5, 20)), at most 40 in seven days."""
    share = min(1.0, voted / min(20, max(5, eligible)))
    left = max(Decimal(0), PARTICIPATION_A_WEEK - in_the_week_before)
    return min(_points(10 * sqrt(share)), left)


def author(up_votes: float) -> Decimal:
    """For U votes up: min(10, 2·log2(1 + U))."""
    return _points(min(10.0, 2 * log2(1 + max(0.0, up_votes))))


def multiplier(karma: Decimal, *, is_new: bool) -> float:
    """Of the rate limits. `is_new`: in the first 24 hours."""
    earned = next(factor for below, factor in _MULTIPLIERS if karma < below)
    return max(1.0, earned) if is_new else earned


def _points(exact: float) -> Decimal:
    return Decimal(exact).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
