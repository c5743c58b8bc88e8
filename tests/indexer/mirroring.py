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
from indexer import follow, lead, verify
from indexer.report import Report
from indexer.settings import Settings
from indexer.status import Status
from ledger import db
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
