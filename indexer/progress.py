"""How far, how fast, how long still: a bar on a terminal, an event now and then in a log. Nothing while all is in."""

import asyncio
import contextlib
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from indexer.status import Status

log = structlog.get_logger("indexer.progress")

_LOG_SECONDS = 5.0
_BAR_SECONDS = 0.2
_MEASURED_SECONDS = 15.0
_WORTH_SAYING_BLOCKS = 30


@dataclass(frozen=True)
class Pace:
    """Where a ledger is on its way, and how fast it got there of late."""

    head_number: int
    target_number: int
    blocks_per_second: float
    rows_per_second: float

    @property
    def blocks_left(self) -> int:
        return max(0, self.target_number - self.head_number)

    @property
    def seconds_left(self) -> float | None:
        """None: it does not move."""
        return self.blocks_left / self.blocks_per_second if self.blocks_per_second > 0 else None


@dataclass
class Meter:
    """Measures over the last seconds, so that a slow stretch shows soon and a pause does not alarm."""

    status: Status
    until: int | None = None
    _seen: deque[tuple[float, int, int]] = field(default_factory=deque)

    def read(self) -> Pace | None:
        """None before there is a cursor."""
        cursor = self.status.cursor
        if cursor is None:
            return None
        now, rows = time.monotonic(), self.status.rows.total()
        if self._seen and cursor.head_number < self._seen[-1][1]:
            self._seen.clear()  # it was rewound
        self._seen.append((now, cursor.head_number, rows))
        while now - self._seen[0][0] > _MEASURED_SECONDS:
            self._seen.popleft()
        since, head_then, rows_then = self._seen[0]
        elapsed = max(now - since, 1e-9)
        target = cursor.chain_head_number if self.until is None else min(self.until, cursor.chain_head_number)
        blocks = cursor.head_number - head_then
        return Pace(cursor.head_number, target, blocks / elapsed, (rows - rows_then) / elapsed)


@asynccontextmanager
async def shown(status: Status, *, until: int | None = None) -> AsyncIterator[None]:
    """While the context lasts and the ledger is behind. For a person when stderr is a terminal."""
    meter = Meter(status, until)
    task = asyncio.create_task(_draw(meter) if sys.stderr.isatty() else _tell(meter))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _tell(meter: Meter) -> None:
    while True:
        pace = meter.read()
        if pace is not None and pace.blocks_left > _WORTH_SAYING_BLOCKS and pace.blocks_per_second > 0:
            log.info(
                "catching_up",
                head=pace.head_number,
                blocks_left=pace.blocks_left,
                blocks_per_second=round(pace.blocks_per_second),
                rows_per_second=round(pace.rows_per_second),
                seconds_left=round(pace.seconds_left or 0),
            )
        await asyncio.sleep(_LOG_SECONDS)


async def _draw(meter: Meter) -> None:
    from rich.console import Console  # noqa: PLC0415 - who has no terminal need not wait for it
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    words = TextColumn("{task.percentage:>5.1f} %  {task.fields[how]}")
    with Progress(
        TextColumn("{task.description}"), BarColumn(), words, console=Console(stderr=True), transient=True
    ) as bar:
        first: int | None = None
        task = bar.add_task("catching up", total=None, how="", visible=False)
        while True:
            if (pace := meter.read()) is not None:
                first = pace.head_number if first is None else min(first, pace.head_number)
                behind = pace.blocks_left > _WORTH_SAYING_BLOCKS
                done, total = pace.head_number - first, max(1, pace.target_number - first)
                bar.update(task, completed=done, total=total, how=_words(pace), visible=behind)
            await asyncio.sleep(_BAR_SECONDS)


def _words(pace: Pace) -> str:
    left = "not moving yet" if pace.seconds_left is None else f"{duration(pace.seconds_left)} left"
    return (
        f"block {pace.head_number:,} of {pace.target_number:,}  {pace.blocks_per_second:,.0f} blocks/s"
        f"  {pace.rows_per_second:,.0f} rows/s  {left}"
    )


def duration(seconds: float) -> str:
    """For eyes, in the two units that matter: `42 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`."""
    parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")]
    left = round(seconds)
    words: list[str] = []
    for size, unit in parts:
        count, left = divmod(left, size)
        if count or (unit == "s" and not words):
            words.append(f"{count} {unit}")
    return " ".join(words[:2])
