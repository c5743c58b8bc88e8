"""Running the indexer in a test: in this process, or in one of its own that may be killed."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from indexer import chain as rpc
from indexer import follow, lead, rebuild, verify
from indexer.report import Report
from indexer.settings import Settings
from indexer.status import Status
from ledger import db, record
from ledger.models import EVENT_TABLES
from tests.indexer.world import World


@asynccontextmanager
async def mirror(settings: Settings, chain: rpc.Chain) -> AsyncIterator[follow.Mirror]:
    """The leading mirror, to be stepped by hand."""
    async with lead.leading(settings, lead.scope_of(settings), chain, Status(), asyncio.Event()) as found:
        assert found is not None
        yield found


@asynccontextmanager
async def indexer(settings: Settings, chain: rpc.Chain) -> AsyncIterator[Status]:
    """`run`, in the background."""
    status, stop = Status(), asyncio.Event()
    task = asyncio.create_task(lead.run(settings, status, chain, stop))
    try:
        yield status
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


async def catch_up(settings: Settings, chain: rpc.Chain) -> None:
    """`backfill`."""

    async def done(mirror: follow.Mirror) -> bool:
        return mirror.cursor.head_number >= mirror.cursor.chain_head_number

    await asyncio.wait_for(lead.run(settings, Status(), chain, asyncio.Event(), done), 120)


async def until_mirrored(world: World, status: Status, seconds: float = 30) -> float:
    """Waits until the ledger's head is the chain's; returns how long it took, in seconds."""
    started = time.monotonic()
    while True:
        number, block_hash = await asyncio.to_thread(world.head)  # Anvil mines a little after it takes a transaction
        ledger = status.cursor
        if ledger is not None and (ledger.head_number, ledger.head_hash) == (number, block_hash):
            return time.monotonic() - started
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"the ledger is at {ledger}, the chain at {number} 0x{block_hash.hex()}")
        await asyncio.sleep(0.01)


async def verified(settings: Settings, chain: rpc.Chain) -> Report:
    """A verification that must find no difference."""
    report = await verify.verify(settings, chain)
    assert not report.differences, "\n".join(map(str, report.differences))
    return report


async def final_differences(settings: Settings, world: World) -> list[str]:
    """What the ledger calls final and the chain does not say, or the other way round; while an indexer may be at it."""
    connection = await db.connect_async(settings.database_url, "molt_indexer", autocommit=True)
    async with connection, connection.transaction(), rpc.Chain([world.rpc_url]) as chain:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor = await record.read_cursor(connection, settings.chain_id)
        if cursor is None or cursor.finalized_number < cursor.start_number:
            return []
        final = cursor.finalized_number
        await rebuild.everything(chain, connection, lead.scope_of(settings), final, settings.range_blocks)
        return [line for table in EVENT_TABLES for line in await _final_differences(connection, table.name, final)]


async def _final_differences(connection: record.Connection, table: str, final: int) -> list[str]:
    noticed = "noticed_block_number" if table in ("usdc_transfer", "authorization_used") else "block_number"
    ours = f"SELECT * FROM ledger.{table} WHERE {noticed} <= {final}"
    theirs = f"SELECT * FROM pg_temp.{table}"
    found = await connection.execute(
        f"(SELECT 'ours alone', t.* FROM ({ours} EXCEPT ALL {theirs}) AS t)"  # type: ignore[arg-type]
        f" UNION ALL (SELECT 'the chain alone', t.* FROM ({theirs} EXCEPT ALL {ours}) AS t)"
    )
    return [f"{table}: {row}" for row in await found.fetchall()]


def rows(database_url: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with db.connect(database_url) as connection:
        return connection.execute(query, parameters).fetchall()  # type: ignore[arg-type]


class Process:
    """`python -m indexer …` and what it logs."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "indexer", *arguments], env=environment, stderr=subprocess.PIPE, text=True
        )

    def until_logged(self, event: str) -> dict[str, Any]:
        """Blocks until it logs the event. Raises EOFError when it ends before."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with contextlib.suppress(ValueError):
                found: dict[str, Any] = json.loads(line)
                if found["event"] == event:
                    return found
        raise EOFError(f"the indexer ended before {event}")

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL: no chance to say goodbye."""
        self._process.kill()
        self._process.wait(10)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        """The exit code."""
        assert self._process.stderr is not None
        self._process.stderr.read()
        return self._process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(environment: dict[str, str], *arguments: str) -> Iterator[Process]:
    """A process that is killed at the end, if it still runs."""
    started = Process(environment, *arguments)
    try:
        yield started
    finally:
        started.kill()
