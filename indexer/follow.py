"""START HERE. The mirror's loop: what comes next, fetch it, prove it, record it, or rewind first.

A `Mirror` takes one step at a time: `step` either rewinds to the chain's fork, or appends the next range of blocks, or
finds that there is nothing new. Final blocks are taken in wide ranges, younger ones by hash; both by the same code,
contiguous by parent hash. `follow` repeats the step for ever and decides what a fault means: try again, or halt and say
why.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import psycopg
import structlog

from indexer import chain as rpc
from indexer import events, fetch, proof, reorg
from indexer.progress import Progress
from indexer.status import Status
from ledger import facts, record

log = structlog.get_logger("indexer.follow")

_YOUNG_BLOCKS = 32
_WIDEST = 1_000_000
_HEARTBEAT_SECONDS = 5.0
_MAX_BACKOFF_SECONDS = 15.0
_STRIKES_BEFORE_HALT = 5
"""By each provider, one after the other, with growing pauses: about three seconds with one of them."""
_LIVE_WITHIN_BLOCKS = 3
_FAULTS = (
    rpc.Unavailable,
    proof.BadAnswer,
    reorg.DeepReorg,
    events.Undecodable,
    psycopg.IntegrityError,  # the tables' own tripwires
    psycopg.DataError,
)


@dataclass
class Mirror:
    """One ledger, following one chain. The only user of its connection."""

    chain: rpc.Chain
    connection: record.Connection
    scope: fetch.Scope
    cursor: record.Cursor
    vaults: set[bytes]
    status: Status
    range_blocks: int = 1000
    """The widest range of final blocks."""
    until: int | None = None
    """Goes no further than this block."""
    _width: int = _WIDEST
    """What the node was last seen to take; grows again with each success."""
    _last_sign_of_life: float = 0.0
    _progress: Progress = field(default_factory=Progress)

    async def step(self) -> bool:
        """Whether anything changed. Raises what `_FAULTS` names, record.Fenced and psycopg.OperationalError."""
        heads = await self.chain.heads()
        if await self._left_by_chain(heads):
            await self._rewind(heads)
            return True
        first, last, final = self._next_range(heads)
        if last < first:
            await self._stay(heads)
            return False
        try:
            await self._advance(heads, first, last, final=final)
        except proof.NotOurChain:
            await self._rewind(heads)
        except rpc.RangeRefused:
            if not final or first == last:
                raise
            self._width = (last - first + 1) // 2
        return True

    async def start_over(self) -> None:
        """Empties the ledger of this chain. Raises record.Fenced."""
        before = await _before_start(self.chain, self.scope)
        self._moved(await record.start_over(self.connection, self.cursor, before))
        self.vaults = set()

    async def _left_by_chain(self, heads: rpc.Heads) -> bool:
        """Whether the node's newest block shows that the ledger's head is on another chain.

        A node that is behind, on the same chain, is no reason to forget anything."""
        latest = heads.latest
        if latest.height > self.cursor.head_number:
            return False
        if latest.height == self.cursor.head_number:
            return latest.hash != "0x" + self.cursor.head_hash.hex()
        if latest.height < self.cursor.finalized_number:
            final = self.cursor.finalized_number
            raise reorg.DeepReorg(
                f"{self.chain.provider.name} is at block {latest.height}, but block {final} was final"
            )
        stored = await record.stored_blocks(self.connection, self.cursor, [latest.height])
        return not stored or "0x" + stored[0].hash.hex() != latest.hash

    def _next_range(self, heads: rpc.Heads) -> tuple[int, int, bool]:
        first = self.cursor.head_number + 1
        final_to = heads.finalized.height if heads.finalized else 0
        final = first <= final_to
        width = min(self.range_blocks, self._width) if final else _YOUNG_BLOCKS
        last = min(final_to if final else heads.latest.height, first + width - 1)
        return first, last if self.until is None else min(last, self.until), final

    async def _advance(self, heads: rpc.Heads, first: int, last: int, *, final: bool) -> None:
        try:
            finality, batch = await self._fetch(heads, first, last, final=final)
        except ValueError as error:
            raise proof.BadAnswer(f"{self.chain.provider.name} answered with no proper hex: {error}") from error
        near = heads.latest.height - last <= _LIVE_WITHIN_BLOCKS
        status = "live" if near else "syncing"
        self._moved(await record.append(self.connection, self.cursor, batch, finality, status))
        self.vaults |= {fact.vault for fact in batch.facts if isinstance(fact, facts.VaultDeployed)}
        self._width = min(_WIDEST, self._width + self._width // 8 + 1)
        self._count(batch, last - first + 1)
        if not near:
            self._progress.report(self.cursor.head_number, heads.latest.height)

    async def _fetch(
        self, heads: rpc.Heads, first: int, last: int, *, final: bool
    ) -> tuple[record.Finality, facts.Batch]:
        newest = heads.latest
        headers = [newest] if first == newest.height else await self.chain.headers(range(first, last + 1))
        proof.headers_chain(headers, self.cursor.head_hash)
        for header in headers:
            proof.header_hash(header)
        finality = await self._finality(heads, headers)
        found = await fetch.collect(self.chain, self.scope, fetch.Range(headers, final), self.vaults, self._past)
        return finality, self._batch(headers, found, finality.finalized_number)

    def _batch(self, headers: list[rpc.Header], found: fetch.Found, finalized_number: int) -> facts.Batch:
        """Of the blocks, those with events are kept, and those that may still be reorganised away."""
        chain_id, with_events = self.cursor.chain_id, {fact.block_number for fact in found.facts}
        blocks = [fetch.block_fact(chain_id, each, has_events=each.height in with_events) for each in headers]
        keep_from = min(finalized_number, blocks[-1].number)
        kept = [block for block in blocks if block.has_events or block.number >= keep_from]
        return facts.Batch(self.cursor.head_hash, blocks[-1], kept, *found)

    async def _past(self) -> fetch.Past:
        numbers = range(self.cursor.finalized_number, self.cursor.head_number + 1)
        *young, final = await record.stored_blocks(self.connection, self.cursor, numbers)
        return fetch.Past(final, young)

    async def _rewind(self, heads: rpc.Heads) -> None:
        ancestor = await reorg.find_ancestor(self.chain, self.connection, self.cursor, heads.latest.height)
        depth = self.cursor.head_number - ancestor
        if depth == 0:
            raise proof.BadAnswer(f"{self.chain.provider.name} left the ledger's chain and came back while we looked")
        self._moved(await record.rewind(self.connection, self.cursor, ancestor))
        self.vaults = await record.vaults(self.connection, self.cursor)
        self.status.reorgs[depth] += 1
        log.info("chain_reorganised", depth=depth, ancestor=ancestor, provider=self.chain.provider.name)

    async def _stay(self, heads: rpc.Heads) -> None:
        """Nothing new: says so now and then, and at once when something became final."""
        finality = await self._finality(heads, [])
        now = asyncio.get_running_loop().time()
        news = (
            finality.finalized_number > self.cursor.finalized_number
            or finality.safe_number > self.cursor.safe_number
            or self.cursor.status != "live"
        )
        if news or now - self._last_sign_of_life > _HEARTBEAT_SECONDS:
            self._moved(await record.settle(self.connection, self.cursor, finality))

    async def _finality(self, heads: rpc.Heads, headers: list[rpc.Header]) -> record.Finality:
        """The node's tags, as far as the blocks they name are on the ledger's chain."""
        head = headers[-1].height if headers else self.cursor.head_number
        known = {header.height: header.hash for header in headers}
        tags = {tag.height: tag.hash for tag in (heads.safe, heads.finalized) if tag is not None}
        for block in await record.stored_blocks(self.connection, self.cursor, [n for n in tags if n not in known]):
            known[block.number] = "0x" + block.hash.hex()

        def confirmed(tag: rpc.Header | None, otherwise: int) -> int:
            if tag is None:
                return otherwise
            return min(tag.height, head) if tag.height > head or known.get(tag.height) == tag.hash else otherwise

        finalized = confirmed(heads.finalized, self.cursor.finalized_number)
        safe = confirmed(heads.safe, self.cursor.safe_number)
        return record.Finality(safe, finalized, heads.latest.height)

    def _moved(self, cursor: record.Cursor) -> None:
        self.cursor = self.status.cursor = cursor
        self._last_sign_of_life = asyncio.get_running_loop().time()

    def _count(self, batch: facts.Batch, blocks: int) -> None:
        self.status.batches += 1
        self.status.blocks += blocks
        for table, rows in batch.by_table().items():
            self.status.rows[table] += len(rows)
        log.debug("blocks_recorded", head=batch.head.number, blocks=blocks, rows=len(batch.facts))


async def open_mirror(
    chain: rpc.Chain, connection: record.Connection, scope: fetch.Scope, status: Status, schema: str = "ledger"
) -> Mirror:
    """Reads the cursor, or sets it before the deployment; fences any writer before. Raises record.OtherDeployment."""
    cursor = await record.open_cursor(connection, scope.deployment, await _before_start(chain, scope), schema)
    vaults = await record.vaults(connection, cursor)
    status.cursor = cursor
    return Mirror(chain, connection, scope, cursor, vaults, status)


async def follow(
    mirror: Mirror,
    *,
    poll_seconds: float,
    stop: asyncio.Event,
    done: Callable[[Mirror], Awaitable[bool]] | None = None,
) -> None:
    """Steps until `stop` is set, or `done` says so after a step that changed nothing. Raises record.Fenced and
    psycopg.OperationalError.

    Everything else is tried again: at once with another provider, later with the same one. What does not go away halts
    the ledger (status `halted`), and is tried again at intervals all the same."""
    strikes = 0
    while not stop.is_set():
        try:
            changed = await mirror.step()
            strikes = 0
        except _FAULTS as fault:
            strikes += 1
            await _suffer(mirror, fault, strikes)
            await pause(stop, _patience(strikes // len(mirror.chain.providers)))
            continue
        if not changed:
            if done is not None and await done(mirror):
                return
            await pause(stop, poll_seconds)


async def _before_start(chain: rpc.Chain, scope: fetch.Scope) -> facts.Block:
    (header,) = await chain.headers([scope.deployment.deployed_at_block - 1])
    return fetch.block_fact(scope.deployment.chain_id, header, has_events=False)


async def _suffer(mirror: Mirror, fault: Exception, strikes: int) -> None:
    """Leaves the provider. Halts when each of them was asked as often as the kind of fault deserves."""
    kind = type(fault).__name__
    mirror.status.retries[kind] += 1
    mirror.chain.leave_provider(kind, str(fault))
    tries = 1 if isinstance(fault, events.Undecodable) else _STRIKES_BEFORE_HALT
    worn_out = not isinstance(fault, rpc.Unavailable) and strikes >= tries * len(mirror.chain.providers)
    if worn_out and mirror.cursor.status != "halted":
        log.error("halted", kind=kind, why=str(fault), head=mirror.cursor.head_number)
        mirror.cursor = mirror.status.cursor = await record.halt(
            mirror.connection, mirror.cursor, f"{kind}: {fault}. See docs/runbook.md."
        )


def _patience(rounds: int) -> float:
    """Seconds before all providers are asked once more; none before each was asked once."""
    return min(_MAX_BACKOFF_SECONDS, 0.1 * 2**rounds) * random.uniform(0.5, 1.0) if rounds else 0.0  # noqa: S311


async def pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), timeout=seconds)
    except TimeoutError:
        return
