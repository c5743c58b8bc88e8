"""Whom to ask: the first configured provider that is well. One that failed or lied rests, longer each time.

Safe for several tasks: a fault concerns the provider that was asked, and what was asked before its last strike strikes
it no second time.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

FAILURE, LIE = 1, 3
"""How heavy: each further strike doubles the rest."""
_LONGEST_REST_SECONDS = 300.0
_BURST_SECONDS = 0.25
_QUESTIONS_PER_REQUEST = 200
_BEHIND_SECONDS = 0.1
_NEVER = float("-inf")


@dataclass
class Allowance:
    """What the provider takes from us, whoever of us asks."""

    batch: int = _QUESTIONS_PER_REQUEST
    """Questions in one request; fewer when it said so."""
    limited_until: float = _NEVER
    spent_until: float = _NEVER
    limits: int = 0
    """So often in a row it said that it was too much."""


@dataclass(eq=False)
class Provider:
    """One endpoint. Its URL may carry a key, so that only `name` is ever logged."""

    url: str
    first_rest_seconds: float = 1.0
    questions_per_second: float = 0.0
    """0: as many as we like."""
    outcomes: Counter[str] = field(default_factory=Counter)
    allowance: Allowance = field(default_factory=Allowance)
    strikes: int = 0
    """Its weight of faults since it was last well for as long as it had rested."""
    doubted: bool = False
    """It was struck, and did not answer since."""
    struck_at: float = _NEVER
    struck_until: float = _NEVER

    def apart(self) -> "Provider":
        """The same, without its strikes."""
        return Provider(
            self.url, self.first_rest_seconds, self.questions_per_second, self.outcomes, allowance=self.allowance
        )

    @property
    def name(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    @property
    def is_local(self) -> bool:
        return urlsplit(self.url).hostname in ("localhost", "127.0.0.1", "::1")

    @property
    def paced_until(self) -> float:
        return self.allowance.spent_until - _BURST_SECONDS

    @property
    def due(self) -> float:
        """When it may be asked next."""
        return max(self.struck_until, self.allowance.limited_until, self.paced_until)

    def strike(self, weight: int, asked_at: float) -> bool:
        """Rests, twice as long as after one strike less; False when it was struck since that time."""
        if asked_at <= self.struck_at:
            return False
        self.strikes += weight
        rest = min(_LONGEST_REST_SECONDS, self.first_rest_seconds * 2 ** min(self.strikes - 1, 20))
        self.struck_at, self.doubted = time.monotonic(), True
        self.struck_until = self.struck_at + rest * random.uniform(0.75, 1.25)  # noqa: S311
        return True

    def limit(self, seconds: float | None) -> None:
        """Rests for as long as it said, or twice as long each time. That is no fault of it."""
        now = time.monotonic()
        wait = self.first_rest_seconds * 2 ** min(self.allowance.limits, 6) if seconds is None else seconds
        self.allowance.limits += 1
        self.allowance.limited_until = max(self.allowance.limited_until, now + wait)
        self.struck_at = max(self.struck_at, now)

    def fall_behind(self) -> None:
        """Lacks a block that others have: rests a moment, in which others are asked, and it catches up."""
        rest = min(_BEHIND_SECONDS, self.first_rest_seconds) * random.uniform(0.5, 1.0)  # noqa: S311
        self.allowance.limited_until = max(self.allowance.limited_until, time.monotonic() + rest)
        self.struck_at = max(self.struck_at, time.monotonic())

    def succeed(self) -> None:
        self.doubted, self.allowance.limits = False, 0
        now = time.monotonic()
        if self.strikes and now > self.struck_until + (self.struck_until - self.struck_at):
            self.strikes = 0

    async def pace(self, questions: int) -> None:
        """Waits until so many may be asked."""
        if self.questions_per_second:
            ready, now = self.paced_until, time.monotonic()
            self.allowance.spent_until = max(self.allowance.spent_until, now) + questions / self.questions_per_second
            if ready > now:
                await asyncio.sleep(ready - now)


def next_up(providers: Sequence[Provider], but: Collection[Provider] = ()) -> Provider:
    """Of these, the first that is well and due; else the first that is due; else the one that is due soonest."""
    now = time.monotonic()
    candidates = [each for each in providers if each not in but] or list(providers)
    due = [each for each in candidates if each.due <= now]
    well = [each for each in due if not each.doubted]
    return (well or due or [min(candidates, key=lambda each: each.due)])[0]


def patience_seconds(provider: Provider) -> float:
    """How long to wait for the one that is due soonest.

    What it asked for is respected. A rest that we gave it is cut short at the first one: it was to let us go on with
    others, and there is none."""
    now = time.monotonic()
    asked_for = max(provider.allowance.limited_until, provider.paced_until)
    return max(0.0, asked_for - now, min(provider.struck_until - now, provider.first_rest_seconds))
