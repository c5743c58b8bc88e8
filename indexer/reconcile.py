"""Compares the ledger with the chain for ever, a slice at a time, beside the follower.

Six parts take turns, each in rounds over everything there is: the splitter's totals and settings, every bucket, every
vault, every wallet, the rows (a rebuild of some blocks, compared with what the ledger has of them), and the rollups.
The contracts are asked in the state of the ledger's head, which every node still has. Where each part goes on is kept
in the database, so that a restart loses nothing.

A difference counts when a second look, by another provider where there is one, finds it too: neither a lying node nor a
reorganisation in between raises an alarm. Then it is recorded, and readiness is off until its slice is found equal.
All this takes a small share of the time, on a connection of its own, and none while the ledger is behind.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from indexer import books, digests, events, fetch, follow, onchain, proof, rebuild, reorg
from indexer import chain as rpc
from indexer.settings import Settings
from indexer.status import Status, lag_blocks
from ledger import balances, db, reconciliation, record, rederive, scratch
from ledger.reconciliation import Difference, Open, Part, Slice

log = structlog.get_logger("indexer.reconcile")

_SHARE = 0.1
"""Of the time, at most, is spent comparing."""
_KEYS = 256
_BLOCKS = 500
"""Each is a header to ask for: what a slice costs at a provider that counts questions."""
_OLD_BLOCKS = 1024
"""So far behind the head a block is rebuilt even if the chain never calls it final."""
_TRANSFERS = 4000
_ROWS_A_STEP = 500
"""Decoded without a pause: some milliseconds, for which a new block may have to wait."""
_WIDEST_STEP = 200
_FAR_BEHIND_BLOCKS = 64
_SECOND_LOOK_SECONDS = 0.5
_RECONNECT_SECONDS = 5.0
_RECORDED = 100
"""Of the differences of one slice at most so many are recorded."""
_NOT_NOW = (
    rpc.Unavailable,
    proof.BadAnswer,
    reorg.DeepReorg,
    rebuild.NotOnChain,
    events.Undecodable,
    psycopg.IntegrityError,
    psycopg.DataError,
)
"""The node's faults, or the moment's: the slice is asked again later, of another provider."""

_Subjects = {subject.part: subject for subject in onchain.SUBJECTS}
_Bounds = tuple[Slice, str | None]
"""A slice, and the position after it: None when the round ends there."""


class Look(NamedTuple):
    """What one look at a slice found, and the ledger's head at that time."""

    differences: list[Difference]
    head_number: int


@asynccontextmanager
async def beside(
    settings: Settings, chain: rpc.Chain, scope: fetch.Scope, status: Status, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Runs while the context lasts, if the settings ask for it."""
    if settings.reconcile_seconds == 0:
        yield
        return
    task = asyncio.create_task(run(settings, chain, scope, status, stop))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def run(settings: Settings, chain: rpc.Chain, scope: fetch.Scope, status: Status, stop: asyncio.Event) -> None:
    """Until `stop` is set or it is cancelled. Nothing that goes wrong here ends it, or anything else."""
    try:
        while not stop.is_set():
            try:
                async with opened(settings, chain, scope, status) as reconciler:
                    await _go_on(reconciler, settings.reconcile_seconds, stop)
            except (psycopg.Error, DBAPIError, OSError) as fault:
                follow.heed_cancellation(fault)
                log.warning("reconciliation_interrupted", why=repr(fault))
            except Exception as fault:
                follow.heed_cancellation(fault)
                log.exception("reconciliation_failed")
            await follow.pause(stop, _RECONNECT_SECONDS)
    finally:
        status.differences, status.difference = 0, None


@asynccontextmanager
async def opened(
    settings: Settings, chain: rpc.Chain, scope: fetch.Scope, status: Status
) -> AsyncIterator["Reconciler"]:
    """Goes on where the last one stopped, with the differences that it left open."""
    connection = await db.connect_async(settings.database_url, "molt_indexer", autocommit=True)
    engine = db.async_engine(settings.database_url, "molt_indexer", isolation_level="REPEATABLE READ", pool_size=1)
    try:
        async with connection:
            await connection.execute("SET max_parallel_workers_per_gather = 0")
            await scratch.create(connection)
            alone = [chain.alone(number) for number in range(len(chain.providers))]
            reconciler = Reconciler(alone, scope, status, connection, engine)
            await reconciler.begin()
            yield reconciler
    finally:
        await engine.dispose()


async def _go_on(reconciler: "Reconciler", seconds: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        began = time.monotonic()
        if reconciler.may_work:
            await reconciler.step()
        took = time.monotonic() - began
        await follow.pause(stop, max(seconds, took / _SHARE - took))


@dataclass
class Reconciler:
    """One ledger beside one chain. The only user of its connection and engine."""

    chains: list[rpc.Chain]
    """The chain through each provider alone: the first one is asked first."""
    scope: fetch.Scope
    status: Status
    connection: record.Connection
    engine: AsyncEngine
    known: list[Open] = field(default_factory=list)
    """Differences that are recorded and not resolved."""
    rounds: dict[str, int] = field(default_factory=dict)
    """By part, as far as this process ended any."""
    _positions: dict[str, str | None] = field(default_factory=dict)
    _turn: int = 0
    _again: int = 0

    @property
    def chain_id(self) -> int:
        return self.scope.deployment.chain_id

    @property
    def may_work(self) -> bool:
        """Not while the ledger is far behind, or halted."""
        cursor = self.status.cursor
        return cursor is not None and cursor.status == "live" and lag_blocks(cursor) < _FAR_BEHIND_BLOCKS

    async def begin(self) -> None:
        self._positions = await reconciliation.positions(self.connection, self.chain_id)
        await self._read_known()

    async def step(self) -> None:
        """Looks again at one slice that differed, then at the next one of the part whose turn it is."""
        if self.known:
            slices = list(dict.fromkeys(each.slice for each in self.known))
            self._again += 1
            await self._compare(slices[self._again % len(slices)])
        part = reconciliation.PARTS[self._turn % len(reconciliation.PARTS)]
        self._turn += 1
        bounds = await self._next(part)
        if bounds is None:
            await self._advance(part, None)
        elif await self._compare(bounds[0]):
            await self._advance(part, bounds[1])

    # ---------------------------------------------------------------------------------------------------- slices

    async def _next(self, part: Part) -> _Bounds | None:
        """The slice after the part's position; None when there is nothing (any more)."""
        position = self._positions.get(part)
        if part == "blocks":
            return await self._next_blocks(position)
        if part not in _Subjects:
            return Slice(part, "", ""), None
        after = onchain.parsed(position) if position else ()
        async with AsyncSession(self.engine) as session:
            keys = await onchain.keys(session, self.chain_id, _Subjects[part], after=after, limit=_KEYS)
        if not keys:
            return None
        last = onchain.written(keys[-1])
        return Slice(part, onchain.written(keys[0]), last), last if len(keys) == _KEYS else None

    async def _next_blocks(self, position: str | None) -> _Bounds | None:
        """As many blocks as have a few thousand transfers. Young ones wait until they are final: each was proven when
        it was recorded, the contracts are asked at the head, and final ranges cost little."""
        cursor = await record.read_cursor(self.connection, self.chain_id)
        if cursor is None:
            return None
        first = int(position) + 1 if position else cursor.start_number
        full = await self.connection.execute(_FULL_AT, (self.chain_id, first, _TRANSFERS))
        ends = [number for (number,) in await full.fetchall()]
        end = max(cursor.finalized_number, cursor.head_number - _OLD_BLOCKS)
        last = min(*ends, first + _BLOCKS - 1, end)
        if last < first:
            return None
        return Slice("blocks", str(first), str(last)), str(last) if last < end else None

    async def _advance(self, part: Part, position: str | None) -> None:
        self._positions[part] = position
        rounds = await reconciliation.advance(self.connection, self.chain_id, part, position)
        if position is None:
            self.rounds[part] = self.rounds.get(part, 0) + 1
            log.debug("round_reconciled", part=part, rounds=rounds)
            if part == "blocks":
                self.status.reconciled_at = time.time()

    # ------------------------------------------------------------------------------------------------- comparing

    async def _compare(self, compared: Slice) -> bool:
        """Looks, and records what was found; False when nobody could tell."""
        found = await self._found(compared)
        if found is None:
            return False
        differences, head_number = found
        new, resolved = await reconciliation.note(
            self.connection, self.chain_id, compared, differences[:_RECORDED], known=self.known, head_number=head_number
        )
        for each in new:
            log.error("ledger_differs", difference=str(each), part=compared.part, head=head_number)
        for each in resolved:
            log.info("difference_resolved", difference=str(each), part=compared.part)
        if self.known or new:
            await self._read_known()
        return True

    async def _found(self, compared: Slice) -> Look | None:
        """What can be relied upon; each provider is asked, and the first one twice."""
        for tries in range(len(self.chains), -1, -1):
            try:
                return await self._confirmed(compared)
            except _NOT_NOW as fault:
                self.status.retries[f"reconcile {type(fault).__name__}"] += 1
                self._leave_first()
                if tries == 0:
                    part, first, last = compared
                    log.info("slice_put_off", part=part, first=first, last=last, why=str(fault))
        return None

    def _leave_first(self) -> None:
        self.chains = [*self.chains[1:], self.chains[0]]

    async def _confirmed(self, compared: Slice) -> Look:
        """What two looks agree on, the second one through another provider, or later if there is only one."""
        first = await self._look(self.chains[0], compared)
        seen = {each.key for each in first.differences}
        if seen <= {each.key for each in self.known}:
            return first
        fault: Exception = rpc.Unavailable("nobody was asked")
        for other in (*self.chains[1:], self.chains[0]):
            await asyncio.sleep(_SECOND_LOOK_SECONDS)
            try:
                second = await self._look(other, compared)
            except _NOT_NOW as error:
                fault = error
                continue
            agreed = [each for each in second.differences if each.key in seen]
            if len(agreed) < len(seen):
                log.warning("difference_not_confirmed", part=compared.part, said=self.chains[0].provider.name)
                self._leave_first()
            return Look(agreed, second.head_number)
        raise fault

    async def _look(self, chain: rpc.Chain, compared: Slice) -> Look:
        match compared.part:
            case "blocks":
                return await self._look_at_blocks(chain, int(compared.first), int(compared.last))
            case "rollups":
                return await self._look_at_rollups()
            case _:
                return await self._look_at_contracts(chain, compared)

    async def _look_at_contracts(self, chain: rpc.Chain, compared: Slice) -> Look:
        deployment = self.scope.deployment
        async with AsyncSession(self.engine) as session:
            head = await balances.head(session, self.chain_id)
            if head is None:
                return Look([], 0)
            if subject := _Subjects.get(compared.part):
                first, last = onchain.parsed(compared.first), onchain.parsed(compared.last)
                keys = await onchain.keys(session, self.chain_id, subject, first=first, last=last)
                expected = await subject.expect(session, deployment, keys)
            else:
                expected = await onchain.totals(session, deployment)
        found = await onchain.ask(chain, expected, "0x" + head.hash.hex())
        if compared.part == "totals":
            found += await self._look_outside()
        return Look(found, head.number)

    async def _look_outside(self) -> list[Difference]:
        async with self._snapshot() as pinned:
            return await digests.outside(self.connection, pinned)

    async def _look_at_rollups(self) -> Look:
        async with self._snapshot() as pinned:
            found = await rederive.differences(self.connection, self.chain_id)
        return Look([digests.of_rollup(each.table, each.stored, each.derived) for each in found], pinned.head_number)

    async def _look_at_blocks(self, chain: rpc.Chain, first: int, last: int) -> Look:
        async with self._snapshot() as pinned:
            blocks = digests.Blocks(self.chain_id, first, min(last, pinned.head_number))
            if blocks.last < blocks.first:
                return Look([], pinned.head_number)  # the chain was reorganised to a shorter one
            await self._rebuild(chain, blocks, pinned)
            found = (await digests.compare(self.connection, blocks)).differences
            found += await digests.other_blocks(chain, self.connection, blocks, pinned.finalized_number)
            found += await books.unpaid(self.connection, blocks)
        return Look(found, pinned.head_number)

    async def _rebuild(self, chain: rpc.Chain, blocks: digests.Blocks, pinned: record.Cursor) -> None:
        """Raises rebuild.NotOnChain when the chain has left the ledger's young blocks."""
        counted = await self.connection.execute(_COUNT, (self.chain_id, blocks.first, blocks.last))
        (rows,) = (await counted.fetchone()) or (0,)
        span = range(blocks.first, blocks.last + 1)
        width = max(1, min(_WIDEST_STEP, len(span) * _ROWS_A_STEP // max(rows, 1)))
        rebuilt = await rebuild.slice_of(chain, self.connection, self.scope, span, range_blocks=width, pace=_give_way)
        if blocks.last > pinned.finalized_number:
            stored = await record.stored_blocks(self.connection, pinned, [blocks.last])
            if stored and stored[0].hash != rebuilt.head_hash:
                raise rebuild.NotOnChain(f"{chain.provider.name} has another block {blocks.last} than the ledger")

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[record.Cursor]:
        """Everything that is read inside is of one moment: of the cursor that this yields."""
        async with self.connection.transaction():
            await self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            pinned = await record.read_cursor(self.connection, self.chain_id)
            if pinned is None:
                raise rebuild.NotOnChain("nothing is mirrored yet")
            yield pinned

    async def _read_known(self) -> None:
        self.known = await reconciliation.open_differences(self.connection, self.chain_id)
        self.status.differences = len(self.known)
        self.status.difference = str(self.known[0]) if self.known else None


async def _give_way(seconds: float) -> None:
    """After each step of a rebuild, so that new blocks never wait for more than one."""
    await asyncio.sleep(seconds * 2)


_FULL_AT = """
SELECT block_number FROM ledger.usdc_transfer WHERE chain_id = %s AND block_number >= %s
ORDER BY block_number OFFSET %s LIMIT 1"""

_COUNT = "SELECT count(*) FROM ledger.usdc_transfer WHERE chain_id = %s AND block_number BETWEEN %s AND %s"
