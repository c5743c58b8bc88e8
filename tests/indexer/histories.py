"""Random histories of a chain, told to the indexer by nodes that fail and lie: then the ledger must equal a rebuild.

`make chaos-indexer` plays a thousand of them, each from the same short chain: tips by every rail, holds, claims, sweeps
and rotations; reorganisations nested, repeated, at the edges of ranges, during backfill and during fail-over; indexers
that start late or are cut off; one to three faulty nodes (`tests.kit`), all faults on. While that goes on, what the
ledger calls final must be what the chain says. Then the nodes are honest, the indexer settles, everything is compared.

A history is its seed: `make chaos-indexer SEED=17 COUNT=1` plays number 17 again, with the same actions, faults and
reorganisations; only how chain and indexer interleave is up to the machine.
"""

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local import chain as local_chain
from deploy.local import postgres
from indexer import chain as rpc
from indexer import lead
from indexer import log as logs
from indexer.settings import Settings
from indexer.status import Status
from ledger import db
from tests.indexer import mirroring
from tests.indexer import world as worlds
from tests.indexer.world import World
from tests.kit.faults import Faults
from tests.kit.faulty_node import FaultyNode
from tests.kit.views import Memory

EPOCHS = (2, 4, 8, 16, 32)
"""Finality lies two of them behind the head."""
_OF_RECEIPTS = ("alter", "cut_tail", "empty", "leave_out", "fork", "mixed")
"""Faults that only a receipts root shows in every case: off where final blocks are taken without."""
_FIRST_REST_SECONDS = 0.02
"""A node that failed or lied rests shorter than in earnest, so that a history takes a second or two."""
_HISTORIES_PER_ANVIL = 25
"""Then it is started anew: it keeps every state of a reorganised chain in memory."""


@dataclass
class Ground:
    """Where histories are played: chains by the length of their epochs, each reset to its beginning after a history."""

    folder: Path
    database_url: str
    _worlds: dict[int, tuple[World, ExitStack]] = field(default_factory=dict)
    _beginnings: dict[int, str] = field(default_factory=dict)
    _played: Counter[int] = field(default_factory=Counter)

    def world(self, seed: int) -> World:
        """The beginning again, for this seed."""
        epoch_blocks = EPOCHS[seed % len(EPOCHS)]
        if self._played[epoch_blocks] % _HISTORIES_PER_ANVIL == 0:
            self._start(epoch_blocks)
        self._played[epoch_blocks] += 1
        world, _ = self._worlds[epoch_blocks]
        world.request("evm_revert", self._beginnings[epoch_blocks])
        self._beginnings[epoch_blocks] = world.request("evm_snapshot")
        world.rng = random.Random(seed)
        world.sent.clear()
        world.wallets.clear()
        _empty(self.database_url)
        return world

    def _start(self, epoch_blocks: int) -> None:
        if epoch_blocks in self._worlds:
            self._worlds.pop(epoch_blocks)[1].close()
        stack = ExitStack()
        world = stack.enter_context(worlds.running(self.folder, epoch_blocks=epoch_blocks))
        world.approve()
        world.mine(3)
        self._worlds[epoch_blocks] = (world, stack)
        self._beginnings[epoch_blocks] = world.request("evm_snapshot")

    def close(self) -> None:
        for _, stack in self._worlds.values():
            stack.close()


@dataclass
class Told:
    """What happened in a history."""

    seed: int
    actions: int = 0
    depths: list[int] = field(default_factory=list)
    restarts: int = 0
    final_checks: int = 0
    settled_ms: int = 0
    rows: int = 0
    rewinds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)


@contextmanager
def ground(folder: Path, database_url: str) -> Iterator[Ground]:
    """`folder` has the state of a deployed chain; the database has the ledger's schema."""
    found = Ground(folder, database_url)
    try:
        yield found
    finally:
        found.close()


async def play(ground: Ground, seed: int, *, brief: bool = False) -> Told:
    """One history. AssertionError or TimeoutError: the ledger is not what the chain says, or never gets there."""
    history = History(ground.world(seed), ground.database_url, seed)
    async with AsyncExitStack() as stack:
        await history.begin(stack, at_most=20 if brief else 60)
        for _ in range(history.rng.randrange(1, 3) if brief else history.rng.randrange(2, 6)):
            await history.go_on()
        await history.settle()
    return history.told


class History:
    """Decides by its seed alone what the chain, the nodes and the machine do."""

    def __init__(self, world: World, database_url: str, seed: int) -> None:
        self.world, self.rng = world, random.Random(seed)
        self.told = Told(seed)
        self.nodes: list[FaultyNode] = []
        self._epoch_blocks = EPOCHS[seed % len(EPOCHS)]
        self._first = self._highest = world.head()[0]
        self._settings = world.settings(
            database_url,
            range_blocks=self.rng.choice([1, 2, 3, 5, 8, 1000]),
            receipts=self.rng.choice(["always", "always", "live"]),
        )
        self._likely = self.rng.choice([0.01, 0.02, 0.03])
        """Each fault's probability in a request; there are two dozen of them."""
        self._indexer: Indexer | None = None

    async def begin(self, stack: AsyncExitStack, at_most: int) -> None:
        """The nodes; and what happens before the indexer is started for the first time: all of it is backfill."""
        memory = Memory()
        for number in range(self.rng.choice([1, 2, 2, 3, 3])):
            node = FaultyNode(self.world.rpc_url, seed=self.told.seed * 10 + number, memory=memory)
            self.nodes.append(await stack.enter_async_context(node))
        if self.rng.random() < 0.6:
            await self._act(self.rng.randrange(5, at_most))
        ws_urls = [node.ws_url for node in self.nodes] if self.rng.random() < 0.7 else []
        poll_seconds = self.rng.choice([0.02, 0.2]) if ws_urls else 0.02
        urls = {"rpc_urls": [node.url for node in self.nodes], "ws_urls": ws_urls}
        self._indexer = Indexer(self._settings.model_copy(update={**urls, "poll_seconds": poll_seconds}))
        stack.push_async_callback(self._indexer.cut_off)

    async def go_on(self) -> None:
        """Some more of everything."""
        self._turn_nodes()
        await self._act(self.rng.randrange(2, 15))
        if self.rng.random() < 0.7:  # else the indexer is somewhere on the way
            await self._follow_for(seconds=0.5)
        for _ in range(self.rng.choice([0, 1, 1, 2, 3])):  # nested and repeated
            await self._reorganise()
            if self.rng.random() < 0.4:
                await self._act(self.rng.randrange(1, 4))
            await self._follow_for(seconds=self.rng.choice([0, 0, 0.02, 0.1, 0.5]))
        if self.rng.random() < 0.2:
            await self._cut_off()
        if self.rng.random() < 0.3:
            await self._check_final()

    async def settle(self) -> None:
        """Honest nodes: the ledger arrives at the chain's head, and equals a rebuild."""
        indexer = self._indexer
        assert indexer is not None
        for node in self.nodes:
            node.heal()
        started = time.monotonic()
        await indexer.until_mirrored(self.world)
        self.told.settled_ms = round((time.monotonic() - started) * 1000)
        async with rpc.Chain([self.world.rpc_url]) as chain:
            report = await mirroring.verified(self._settings, chain)
        self.told.rows = sum(report.rows.values())
        self.told.rewinds, self.told.retries = indexer.rewinds, indexer.retries
        for node in self.nodes:
            self.told.faults += node.happened

    def _turn_nodes(self) -> None:
        """One of several is honest for a while, another one may lie about finality; a single one rests now and then.

        Nothing but a second node can contradict a node that lies about what is final."""
        honest, liar = self.rng.sample(range(len(self.nodes)), 2) if len(self.nodes) > 1 else (None, None)
        for number, node in enumerate(self.nodes):
            if number == honest or (honest is None and self.rng.random() < 0.3):
                node.heal()
                continue
            off = set() if number == liar else {"orphan_final", "early_final"}
            off |= set() if honest is not None else {"other_chain"}  # the only one there is: said, and the end
            off |= set() if self._settings.receipts == "always" else set(_OF_RECEIPTS)
            node.faults = Faults.every(self._likely, retry_after_seconds=0, **dict.fromkeys(off, 0.0))

    async def _act(self, count: int) -> None:
        for _ in range(count):
            await asyncio.to_thread(self.world.random_action)
        self.told.actions += count
        await asyncio.to_thread(self.world.until_mined)
        self._highest = max(self._highest, self.world.head()[0])

    async def _reorganise(self) -> None:
        """Never below what was final, and never below the beginning; of all depths down to that."""
        head = self.world.head()[0]
        floor = max(self._highest - 2 * self._epoch_blocks, self._first)
        deepest = head - floor
        if deepest < 1:
            return
        edge = (head - 1) % self._settings.range_blocks + 1
        depth = self.rng.choice([1, deepest, self.rng.randint(1, deepest), min(edge, deepest)])
        self.told.depths.append(depth)
        if self.rng.random() < 0.25:  # the new fork is shorter for a while
            await asyncio.to_thread(self.world.roll_back, depth)
            await asyncio.to_thread(self.world.mine)  # else it might only have lost blocks, which forgets nothing
            await self._act(self.rng.randrange(1, 4))
        else:
            await asyncio.to_thread(self.world.reorganise, depth)

    async def _follow_for(self, *, seconds: float) -> None:
        """Until the ledger has the chain's head, but no longer than that."""
        assert self._indexer is not None
        with suppress(TimeoutError):
            await self._indexer.until_mirrored(self.world, seconds)

    async def _cut_off(self) -> None:
        assert self._indexer is not None
        self.told.restarts += 1
        await self._indexer.cut_off()
        await self._act(self.rng.randrange(0, 6))
        self._indexer.start()

    async def _check_final(self) -> None:
        """In the middle of it all: no row that the ledger calls final may differ from the chain's."""
        self.told.final_checks += 1
        differences = await mirroring.final_differences(self._settings, self.world)
        assert not differences, "among final rows: " + "\n".join(differences)


class Indexer:
    """`run` in this process, which may be cut off between any two instructions that wait."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._status = Status()
        self._before: list[Status] = []
        """Of the runs that were cut off."""
        self._task: asyncio.Task[None]
        self.start()

    def start(self) -> None:
        self._status = Status()
        self._task = asyncio.create_task(self._run())

    async def until_mirrored(self, world: World, seconds: float = 30) -> None:
        """Raises TimeoutError, and whatever ended the indexer."""
        waiting = asyncio.create_task(mirroring.until_mirrored(world, self._status, seconds))
        await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            await self._task
            raise AssertionError("the indexer ended")
        await waiting

    async def cut_off(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        self._before.append(self._status)

    @property
    def rewinds(self) -> int:
        return sum(sum(status.reorgs.values()) for status in (*self._before, self._status))

    @property
    def retries(self) -> Counter[str]:
        return sum((status.retries for status in (*self._before, self._status)), Counter())

    async def _run(self) -> None:
        async with rpc.Chain(self._settings.rpc_urls, first_rest_seconds=_FIRST_REST_SECONDS) as chain:
            await lead.run(self._settings, self._status, chain, asyncio.Event())


def _empty(database_url: str) -> None:
    """A ledger that was never written."""
    with db.connect(database_url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT string_agg(format('ledger.%I', tablename), ', ') FROM pg_tables"
            " WHERE schemaname = 'ledger' AND tablename <> 'alembic_version'"
        ).fetchone()
        assert found is not None
        connection.execute(f"TRUNCATE {found[0]}")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------- command


@asynccontextmanager
async def _worker(folder: Path, number: int) -> AsyncIterator[Ground]:
    with postgres.running(folder / f"postgres-{number}") as server:
        database_url = postgres.ensure_database(server, "histories")
        db.migrate(database_url, "ledger")
        with ground(folder, database_url) as found:
            yield found


async def _play_all(folder: Path, worker: int, seeds: list[int], *, brief: bool) -> list[dict[str, Any]]:
    """Prints a line of JSON for each history."""
    failed = []
    async with _worker(folder, worker) as found:
        for seed in seeds:
            started = time.monotonic()
            line: dict[str, Any] = {"seed": seed}
            try:
                told = await play(found, seed, brief=brief)
                line |= {**told.__dict__, "holds": True}
            except Exception as error:  # noqa: BLE001 - whatever it is, the next history is played all the same
                line |= {"holds": False, "why": f"{type(error).__name__}: {error}"}
                failed.append(line)
            line["seconds"] = round(time.monotonic() - started, 2)
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.indexer.histories", description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31), help="of the first history")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--brief", action="store_true", help="histories of about a third of the length")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    logs.configure("console", "critical")
    seeds = list(range(asked.seed, asked.seed + asked.count))
    if asked.worker is not None:
        mine = seeds[asked.worker :: asked.workers]
        return int(bool(asyncio.run(_play_all(asked.folder, asked.worker, mine, brief=asked.brief))))
    return _share(asked, seeds)


def _share(asked: argparse.Namespace, seeds: list[int]) -> int:
    """Each worker has processes of its own; one line of JSON about all of them."""
    _say(f"histories {seeds[0]} to {seeds[-1]}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="molt-histories-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL will not run as root
        with local_chain.running(state=folder / "state.json") as url:
            local_chain.ensure_deployed(url, folder / "deployment.json")
        lines = asyncio.run(_follow_workers(asked, folder))
    result = _summary(lines, seeds) | {"seconds": round(time.monotonic() - started, 1)}
    sys.stdout.write(json.dumps(result) + "\n")
    return int(not result["holds"])


async def _follow_workers(asked: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    await asyncio.gather(*(_follow_worker(asked, folder, number, lines) for number in range(asked.workers)))
    return lines


async def _follow_worker(asked: argparse.Namespace, folder: Path, number: int, lines: list[dict[str, Any]]) -> None:
    command = [sys.executable, "-m", "tests.indexer.histories", "--seed", str(asked.seed), "--count", str(asked.count)]
    command += ["--workers", str(asked.workers), "--worker", str(number), "--folder", str(folder)]
    command += ["--brief"] if asked.brief else []
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, limit=2**24)
    assert process.stdout is not None
    async for text in process.stdout:
        lines.append(json.loads(text))
        line = lines[-1]
        if not line["holds"]:
            _say(
                f"history {line['seed']} FAILED (again: make chaos-indexer SEED={line['seed']} COUNT=1): {line['why']}"
            )
        elif len(lines) % 20 == 0 or asked.count <= 20:
            _say(f"{len(lines)}/{asked.count}: history {line['seed']} equal, {line['rows']} rows, {line['seconds']} s")
    await process.wait()


def _summary(lines: list[dict[str, Any]], seeds: list[int]) -> dict[str, Any]:
    equal = [line for line in lines if line["holds"]]
    faults: Counter[str] = Counter()
    for line in equal:
        faults.update(line["faults"])
    return {
        "histories": len(lines),
        "holds": len(equal) == len(seeds),
        "first_seed": seeds[0],
        "failed_seeds": sorted(line["seed"] for line in lines if not line["holds"]),
        "actions": sum(line["actions"] for line in equal),
        "reorganisations": sum(len(line["depths"]) for line in equal),
        "deepest": max((depth for line in equal for depth in line["depths"]), default=0),
        "rewinds": sum(line["rewinds"] for line in equal),
        "restarts": sum(line["restarts"] for line in equal),
        "final_checks": sum(line["final_checks"] for line in equal),
        "rows_equal": sum(line["rows"] for line in equal),
        "settled_ms_median": round(statistics.median([line["settled_ms"] for line in equal] or [0])),
        "settled_ms_worst": max([line["settled_ms"] for line in equal] or [0]),
        "retries": dict(sum((Counter(line["retries"]) for line in equal), Counter()).most_common()),
        "faults": dict(faults.most_common()),
    }


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
