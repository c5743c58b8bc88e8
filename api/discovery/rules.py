"""What a work is ranked by. Pure, independent of the present time, and exact: points are integers of micro-points.

R = log2(1 + max(0, U - D)) + 4·q + log2(1 + V) + hours / 12. The age is in it as the hour of its appearance, so that R
changes only when somebody votes or tips: it can be stored and indexed, and an hour lost is an hour lost to all alike.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2
from typing import Literal

from api.voting.rules import MICRO as MICRO_VOTE
from api.voting.rules import MicroVotes, wilson
from ledger.money import MicroUsdc

Sort = Literal["hot", "new", "top", "rising"]
MICRO = 1_000_000
"""Micro-points in a point."""
MOST_PER_PAYER = MicroUsdc(10_000_000)
"""What one wallet can add to V: nobody buys the first place alone."""
QUALITY_POINTS = 4

_HOURS_PER_POINT = {"hot": 12, "rising": 3, "new": 1}
_MICRO_USDC = 1_000_000


@dataclass(frozen=True)
class Merits:
    """What is known of a work: a script until its series is published, the series from then on."""

    up: MicroVotes
    """U. Of a script: of its newest period, one voice for each cluster; of a series: of it and its episodes."""
    down: MicroVotes
    tipped: MicroUsdc
    """V: tips that count and are final, at most `MOST_PER_PAYER` from each wallet."""
    at: datetime
    """When it was submitted; of a series: published."""


@dataclass(frozen=True)
class Terms:
    """Micro-points. They sum to the rank."""

    votes: int
    quality: int
    tips: int
    time: int

    @property
    def total(self) -> int:
        return self.votes + self.quality + self.tips + self.time


def terms(merits: Merits, sort: Sort) -> Terms:
    """`hot` is R; `rising` forgets four times as fast; `top` has no age, `new` nothing else."""
    time = _time(merits.at, sort)
    if sort == "new":
        return Terms(votes=0, quality=0, tips=0, time=time)
    ahead = max(0, merits.up - merits.down)
    return Terms(
        votes=int(MICRO * log2(1 + ahead / MICRO_VOTE)),
        quality=int(MICRO * QUALITY_POINTS * wilson(merits.up, merits.down)),
        tips=int(MICRO * log2(1 + merits.tipped / _MICRO_USDC)),
        time=time,
    )


def _time(at: datetime, sort: Sort) -> int:
    if sort == "top":
        return 0
    since_1970 = (at - datetime.fromtimestamp(0, at.tzinfo)) // timedelta(microseconds=1)
    return since_1970 * MICRO // (3_600_000_000 * _HOURS_PER_POINT[sort])
