"""START HERE: `make bench-scale`. The ledger at 0.1, 1 and 10 million rows, through its real writer.

At each size: rows a second, bytes a row, what the rollups cost, and the API's questions with their plans. Then three
endpoints over HTTP. Exits 1 when a question would read a large table from end to end, or the rollups differ from the
facts. The last line is one JSON object.
"""

import asyncio
import hashlib
import json
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from api import log as api_log
from deploy.local import cache, postgres
from ledger import copying, db, facts, record, rederive, rollups
from ledger.deployment import Deployment
from tests.benchmarks.scale import http
from tests.benchmarks.scale.market import CHAIN_ID, START, VAULTS, Made, Market
from tests.benchmarks.scale.questions import Answered, answer, now_of, questions

SIZES = (100_000, 1_000_000, 10_000_000)
_BATCH_ROWS = 10_000
_FINALITY_BLOCKS = 600
"""Twenty minutes, as on Base: so much is overlay."""
_PROGRESS_SECONDS = 15


@dataclass
class Size:
    """What was measured at one size."""

    rows: int
    rows_per_second: float
    """Of the rows since the size before, appended in batches; rollups and the making of rows not in it."""
    database_microseconds_a_row: float
    """Processor time of the writer's server process: what neighbours on the machine cannot change much."""
    rollup_microseconds_a_row: float
    bytes_per_row: float
    answers: dict[str, Answered] = field(default_factory=dict)
    rollups_differ: int = 0
    compare_seconds: float = 0.0


@dataclass
class Loader:
    """Appends the market's batches as the indexer does."""

    connection: record.Connection
    cursor: record.Cursor
    market: Market
    rows: int = 0
    append_seconds: float = 0.0
    rollup_seconds: float = 0.0

    async def fill(self, until: int) -> tuple[float, float, float]:
        """Of what was added: rows a second, and in µs a row the database's processor time and the rollups."""
        before, processor = self.rows, self._processor_seconds()
        self.append_seconds = self.rollup_seconds = 0.0
        said = time.monotonic()
        while self.rows < until:
            await self._append(self.market.more(min(_BATCH_ROWS, until - self.rows)))
            if time.monotonic() - said > _PROGRESS_SECONDS:
                said = time.monotonic()
                _say(f"  {self.rows:>10,} rows, {(self.rows - before) / self.append_seconds:,.0f} a second")
        added, processor = self.rows - before, self._processor_seconds() - processor
        await self._roll_up()
        return added / self.append_seconds, processor / added * 1e6, self.rollup_seconds / added * 1e6

    def _processor_seconds(self) -> float:
        """As Linux counts it for our connection's server process; 0 elsewhere."""
        stat = Path(f"/proc/{self.connection.info.backend_pid}/stat")
        if not stat.exists():
            return 0.0
        user, system = stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    async def _append(self, made: Made) -> None:
        blocks = [
            facts.Block(CHAIN_ID, n, hash_of(n), hash_of(n - 1), datetime.fromtimestamp(t, UTC), has_events=True)
            for n, t in made.blocks
        ]
        head = blocks[-1]
        rows = {"block": [copying.row("block", each) for each in blocks], **made.rows}
        batch = record.Batch(self.cursor.head_hash, head, rows, "bloom")
        final = max(0, head.number - _FINALITY_BLOCKS)
        started = time.perf_counter()
        self.cursor = await record.append(
            self.connection, self.cursor, batch, record.Finality(final, final, head.number)
        )
        self.append_seconds += time.perf_counter() - started
        self.rows += made.size

    async def _roll_up(self) -> None:
        started = time.perf_counter()
        while await rollups.advance(self.connection, self.cursor):
            pass
        self.rollup_seconds += time.perf_counter() - started


def main(sizes: tuple[int, ...]) -> int:
    with tempfile.TemporaryDirectory(prefix="molt-scale-") as scratch:
        Path(scratch).chmod(0o755)
        with postgres.running(Path(scratch) / "postgres") as admin, cache.running(Path(scratch) / "cache") as cache_url:
            url = postgres.ensure_database(admin, "scale")
            for package in ("ledger", "relayer", "api"):
                db.migrate(url, package)
            return asyncio.run(_measure(url, cache_url, Path(scratch), sizes))


async def _measure(url: str, cache_url: str, scratch: Path, sizes: tuple[int, ...]) -> int:
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(http.serving(url, cache_url, scratch))
        market = Market(first_creator=served.creator, first_agent=served.agent)
        http.publish(url, market, served)
        connection = await stack.enter_async_context(await db.connect_async(url, "molt_indexer", autocommit=True))
        start = facts.Block(CHAIN_ID, 0, hash_of(0), hash_of(0), START, has_events=False)
        loader = Loader(connection, await record.open_cursor(connection, deployment(market), start), market)
        measured = [await _at(url, loader, size) for size in sizes]
        over_http = await http.measure(served)
    for path, taken in over_http.items():
        _say(f"  {path:<58} p50 {taken.p50_ms:8.1f} ms   p99 {taken.p99_ms:8.1f} ms")
    bad = {
        f"{each.rows:,}": {name: found.scans for name, found in each.answers.items() if found.scans}
        for each in measured
    }
    differ = sum(each.rollups_differ for each in measured)
    passed = not any(bad.values()) and not differ
    print(
        json.dumps(
            {
                "passed": passed,
                "sizes": [asdict(each) for each in measured],
                "http": {path: asdict(taken) for path, taken in over_http.items()},
                "large_scans": {size: found for size, found in bad.items() if found},
            }
        )
    )
    return 0 if passed else 1


async def _at(url: str, loader: Loader, size: int) -> Size:
    _say(f"{size:,} rows")
    rows_per_second, processor_cost, rollup_cost = await loader.fill(size)
    await _analyze(url)
    bytes_per_row = await _bytes(loader.connection) / loader.rows
    found = Size(loader.rows, rows_per_second, processor_cost, rollup_cost, bytes_per_row)
    cost = f"{processor_cost:.1f} µs of the database a row, rollups {rollup_cost:.1f}"
    _say(f"  {rows_per_second:,.0f} rows a second, {cost}, {bytes_per_row:.0f} bytes a row")
    engine = db.async_engine(url, "molt_api", isolation_level="AUTOCOMMIT")
    for question in questions(loader.market, now_of(loader.market)):
        answered = found.answers[question.name] = await answer(engine, question)
        scans = f"   READS ALL OF {', '.join(answered.scans)}" if answered.scans else ""
        _say(f"  {question.name:<58} p50 {answered.p50_ms:8.1f} ms   p99 {answered.p99_ms:8.1f} ms{scans}")
    await engine.dispose()
    started = time.perf_counter()
    found.rollups_differ = len(await rederive.differences(loader.connection, CHAIN_ID))
    found.compare_seconds = time.perf_counter() - started
    _say(f"  rollups compared with the facts in {found.compare_seconds:.1f} s: {found.rollups_differ} differences")
    return found


async def _analyze(url: str) -> None:
    """What autovacuum does within a minute."""
    owner = await db.connect_async(url, autocommit=True)
    async with owner:
        await owner.execute("VACUUM ANALYZE")


async def _bytes(connection: record.Connection) -> int:
    found = await connection.execute(
        "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class"
        " WHERE relnamespace = 'ledger'::regnamespace AND relkind = 'r'"
    )
    return int(((await found.fetchone()) or (0,))[0])


def deployment(market: Market) -> Deployment:
    splitter = to_checksum_address(bytes.fromhex(market.splitter[8:]))
    domain: Any = {"name": "", "version": "", "chainId": CHAIN_ID, "verifyingContract": splitter}
    return Deployment(CHAIN_ID, http.USDC, domain, splitter, domain, 1, None)


def hash_of(number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8), digest_size=32).digest()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    _say(f"{VAULTS:,} vaults; sizes can be given, in rows")
    api_log.configure(level="WARNING", form="json")
    sys.exit(main(tuple(map(int, sys.argv[1:])) or SIZES))
