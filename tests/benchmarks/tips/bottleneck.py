"""What held up the tips: processors by process, and how full the relayer's lanes were."""

import asyncio
import os
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

_SAMPLE_SECONDS = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")
_BUSY = 0.85
"""Above this share of all cores, the machine itself is what is missing."""
_NAMES = {
    "-m indexer": "indexer",
    "-m relayer": "relayer",
    "-m api run": "api",
    "-m api worker": "worker",
    "postgres": "PostgreSQL",
    "anvil": "Anvil",
    "valkey": "Valkey",
    "benchmarks.tips": "tippers (this benchmark)",
}


@dataclass(frozen=True)
class Load:
    """Between the first tip and the last."""

    processor_percent: dict[str, int]
    """Of one core, by part, the greatest first."""
    busy: float
    """Of all cores, by everybody on this machine."""
    queued: float
    in_flight: float
    lanes: int
    """Keys that sent."""
    lane_limit: int


@dataclass
class Watch:
    database_url: str
    _queued: list[int] = field(default_factory=list)
    _in_flight: list[int] = field(default_factory=list)
    _lanes: int = 0
    _before: dict[str, float] = field(default_factory=dict)
    _after: dict[str, float] = field(default_factory=dict)
    _machine: tuple[float, float] = (0.0, 0.0)
    _seconds: float = 0.0

    def begin(self) -> None:
        self._before, self._seconds, self._machine = _by_part(), time.monotonic(), _machine()

    def end(self) -> None:
        self._after, self._seconds = _by_part(), time.monotonic() - self._seconds
        busy, total = _machine()
        self._machine = busy - self._machine[0], total - self._machine[1]

    async def sample(self) -> None:
        async with await psycopg.AsyncConnection.connect(self.database_url, autocommit=True) as connection:
            while True:
                rows = await (await connection.execute(_LANES)).fetchall()
                self._queued.append(sum(int(queued) for queued, _ in rows))
                self._in_flight.append(sum(int(in_flight) for _, in_flight in rows))
                self._lanes = max(self._lanes, sum(in_flight > 0 for _, in_flight in rows))
                await asyncio.sleep(_SAMPLE_SECONDS)

    def load(self) -> Load:
        shares = {part: (self._after[part] - self._before.get(part, 0.0)) / self._seconds for part in self._after}
        return Load(
            processor_percent={
                part: round(100 * share) for part, share in sorted(shares.items(), key=lambda item: -item[1])
            },
            busy=self._machine[0] / self._machine[1],
            queued=statistics.median(self._queued or [0]),
            in_flight=statistics.median(self._in_flight or [0]),
            lanes=self._lanes,
            lane_limit=int(os.environ.get("RELAYER_MAX_IN_FLIGHT", "16")),
        )


def bottleneck(load: Load) -> str:
    """In a sentence."""
    part, percent = next(iter(load.processor_percent.items()))
    if load.busy > _BUSY:
        return f"the processors: {load.busy:.0%} of them busy, {part} with {percent} % of a core first"
    if percent > 100 * _BUSY:
        return f"{part}: its process fills its core ({percent} %)"
    if load.queued > load.in_flight / 4:
        return (
            f"the relayer: {load.queued:.0f} wait while {load.in_flight:.0f} are on their way"
            f" ({load.lanes} keys, {load.lane_limit} of each at once)"
        )
    return "the blocks: a tip waits for the next one, and nothing else is full"


_LANES = """SELECT count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state IN ('signed', 'broadcast'))
    FROM relay.outbox WHERE settled_at IS NULL AND purpose LIKE 'tip%' GROUP BY sender"""


def _by_part() -> dict[str, float]:
    """Processor seconds so far, by part of the platform."""
    found: dict[str, float] = defaultdict(float)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            user, system = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
        except OSError:
            continue
        part = next((name for sign, name in _NAMES.items() if sign in command), None)
        if part is not None:
            found[part] += (int(user) + int(system)) / _TICKS
    return dict(found)


def _machine() -> tuple[float, float]:
    """Processor seconds of all cores so far: busy, and in all."""
    numbers = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = numbers[3] + numbers[4]
    return float(sum(numbers) - idle), float(sum(numbers))
