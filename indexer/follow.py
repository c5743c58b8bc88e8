"""START HERE. The mirror's loop: what comes next, fetch it, prove it, record it, or rewind first.

A `Mirror` takes one step at a time: `step` either rewinds to the chain's fork, or appends the next range of blocks, or
finds that there is nothing new. Final blocks are taken in wide ranges, several of them under way at once (`ahead`),
younger ones by hash; both by the same code, written in order, contiguous by parent hash. `follow` repeats the step for
ever and decides what a fault means: try again, or halt and say why.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import psycopg
import structlog

from indexer import ahead, events, fetch, proof, reorg, rows, sources
from indexer import chain as rpc
from indexer.status import Status
from ledger import copying, facts, record, rollups

log = structlog.get_logger("indexer.follow")

_YOUNG_BLOCKS = 32
_HEADS_SECONDS = 1.0
"""So long a backfill does not ask for news of the head."""
_HEARTBEAT_SECONDS = 5.0
_MAX_BACKOFF_SECONDS = 15.0
_STRIKES_BEFORE_HALT = 5
"""By each provider, one after the other, with growing pauses: about three seconds with one of them."""
_LIVE_WITHIN_BLOCKS = 3
ReceiptsOf = Literal["never", "live", "always"]
"""Of which blocks the receipts root is recomputed: of none, of those not yet final, of all."""

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
    vaults: set[str]
    """Those deployed up to the cursor's head, as words."""
    status: Status
    ahead: ahead.Ahead
    receipts: ReceiptsOf = "live"
    until: int | None = None
    """Goes no further than this block."""
    _heads: rpc.Heads | None = None
    _heads_at: float = 0.0
    _agreed_final: rpc.Header | None = None
    _last_sign_of_life: float = 0.0

    async def step(self, announced: rpc.Header | None = None) -> bool:
        """Whether anything changed. `announced`: what is said to be the newest block; it spares a question.

        Raises what `_FAULTS` names, record.Fenced and psycopg.OperationalError."""
        try:
            return await self._step(self._if_next(announced) or await self._newest())
        except BaseException:
            await self.ahead.drop()
            raise

    async def _step(self, heads: rpc.Heads) -> bool:
        if await self._left_by_chain(heads):
            await self._rewind(heads)
            return True
        final_to = self._limit(heads.finalized.height if heads.finalized else 0)
        if self.cursor.head_number < final_to:
            return await self._backfill(heads, final_to)
        first, last = self.cursor.head_number + 1, self._limit(heads.latest.height)
        if last < first:
            await self._stay(heads)
            return False
        try:
            await self._follow_live(heads, range(first, min(last, first + _YOUNG_BLOCKS - 1) + 1))
        except proof.NotOurChain:
            await self._rewind(heads)
        return True

    async def _newest(self) -> rpc.Heads:
        """What the node says of its heads; a backfill does not ask before each range."""
        now = asyncio.get_running_loop().time()
        if self._heads is None or not self.ahead.busy or now - self._heads_at > _HEADS_SECONDS:
            self._heads, self._heads_at = await self._as_agreed(await self.chain.heads()), now
        return self._heads

    async def _as_agreed(self, heads: rpc.Heads) -> rpc.Heads:
        """With several providers, only what two of them call final is: one alone may be mistaken, or lie, and what is
        final is never taken back. While no two agree, finality waits."""
        told, known = heads.finalized, self._agreed_final
        if told is None or not self.chain.several:
            return heads
        if known is None or told.height > max(known.height, self.cursor.finalized_number):
            self._agreed_final = await self.chain.agreed_final(told) or known
        return rpc.Heads(heads.latest, heads.safe, self._agreed_final)

    def _if_next(self, announced: rpc.Header | None) -> rpc.Heads | None:
        """The heads with the announced block, if that is just the one to come. Whoever announced it proved nothing."""
        known = self._heads
        if announced is None or known is None or announced.height != self.cursor.head_number + 1:
            return None
        return rpc.Heads(announced, known.safe, known.finalized)

    def _limit(self, number: int) -> int:
        return number if self.until is None else min(number, self.until)

    async def roll_up(self) -> bool:
        """Takes a slice of what has become final into the rollups; whether there was any. Raises record.Fenced.

        Only when there is no new block: while the ledger is behind, nobody reads it, and large slices cost less."""
        return bool(await rollups.advance(self.connection, self.cursor))

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

    async def _backfill(self, heads: rpc.Heads, final_to: int) -> bool:
        """The next range of final blocks; those after it are fetched meanwhile."""
        self.ahead.fill(self.cursor.head_number, final_to, self.vaults)
        try:
            found = await self.ahead.next()
        except rpc.RangeRefused as refusal:
            await self.ahead.narrow(refusal)
            return True
        try:
            proof.continues(found.headers[0], self.cursor.head_hash)
        except proof.NotOurChain as fault:
            self.chain.blame(fault, found.told_by)
            await self.ahead.drop()
            await self._rewind(heads, fault)
            return True
        await self._append(heads, found, self.ahead.proof)
        return True

    async def _follow_live(self, heads: rpc.Heads, numbers: range) -> None:
        newest = heads.latest
        headers = [newest] if numbers[0] == newest.height else await self.chain.headers(numbers)
        proof.headers_chain(headers)
        proof.continues(headers[0], self.cursor.head_hash)
        blocks = await sources.one_by_one(self.chain, headers, with_receipts=self.receipts != "never")
        seen = await ahead.looked(self.chain, self.scope, blocks, self.vaults)
        found = await fetch.complete(self.chain, self.scope, seen, self.vaults, self._past)
        await self._append(heads, found, blocks.proof)

    async def _append(self, heads: rpc.Heads, found: fetch.Found, proved: record.Proof) -> None:
        finality = await self._finality(heads, found.headers, agreed=found.agreed)
        batch = self._batch(found, finality.finalized_number, proved)
        near = heads.latest.height - batch.head.number <= _LIVE_WITHIN_BLOCKS
        try:
            moved = await record.append(self.connection, self.cursor, batch, finality, "live" if near else "syncing")
        except copying.BadHex as error:
            raise proof.BadAnswer(f"{self.chain.provider.name} answered with no proper hex: {error}") from error
        self._moved(moved)
        self.vaults |= set(found.deployed)
        self._count(found)
        self.status.proof_level = proved

    def _batch(self, found: fetch.Found, finalized_number: int, proved: record.Proof) -> record.Batch:
        """Of the blocks, those with events are kept, and those that may still be reorganised away."""
        chain_id, with_events, last = self.cursor.chain_id, found.with_events, found.headers[-1]
        keep_from = min(finalized_number, last.height)
        blocks = [
            rows.block(chain_id, each, has_events=each.number in with_events)
            for each in found.headers
            if each.number in with_events or each.height >= keep_from
        ]
        head = fetch.block_fact(chain_id, last, has_events=last.number in with_events)
        of_tables = {"block": blocks, **found.rows}
        return record.Batch(self.cursor.head_hash, head, of_tables, proved, found.late_blocks, found.late_facts)

    async def _past(self) -> fetch.Past:
        numbers = range(self.cursor.finalized_number, self.cursor.head_number + 1)
        *young, final = await record.stored_blocks(self.connection, self.cursor, numbers)
        hashes = {block.number: "0x" + block.hash.hex() for block in young}
        return fetch.Past((final.number, "0x" + final.hash.hex()), hashes)

    async def _rewind(self, heads: rpc.Heads, seen: proof.NotOurChain | None = None) -> None:
        """To the last block that the ledger and the node have. `seen`: what showed that the chain is another one; when
        the node stands by the ledger's chain, whoever told that is to blame, and not who is asked now."""
        ancestor = await reorg.find_ancestor(self.chain, self.connection, self.cursor, heads.latest.height)
        depth = self.cursor.head_number - ancestor
        if depth == 0:
            why = f"{self.chain.provider.name} left the ledger's chain and came back while we looked"
            raise seen or proof.BadAnswer(why)
        self._moved(await record.rewind(self.connection, self.cursor, ancestor))
        self.vaults = await _vaults(self.connection, self.cursor)
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

    async def _finality(
        self, heads: rpc.Heads, headers: Sequence[rpc.Header], *, agreed: bool = False
    ) -> record.Finality:
        """The node's tags, as far as they say something new and the blocks they name are on the ledger's chain.

        A tag beyond the headers does not say that these lead to it: somebody who follows another fork may have told
        them. They count as final where two providers have agreed on the last of them."""
        head = headers[-1].height if headers else self.cursor.head_number
        known = {header.height: header.hash for header in headers}
        said = ((heads.safe, self.cursor.safe_number), (heads.finalized, self.cursor.finalized_number))
        news = [tag.height for tag, before in said if tag is not None and before < tag.height <= head]
        if unknown := [number for number in news if number not in known]:
            for block in await record.stored_blocks(self.connection, self.cursor, unknown):
                known[block.number] = "0x" + block.hash.hex()

        def confirmed(tag: rpc.Header | None, before: int) -> int:
            if tag is None or tag.height <= before:
                return before
            if tag.height > head:
                return head if agreed else before
            return tag.height if known.get(tag.height) == tag.hash else before

        safe, finalized = (confirmed(tag, before) for tag, before in said)
        return record.Finality(safe, finalized, heads.latest.height)

    def _moved(self, cursor: record.Cursor) -> None:
        self.cursor = self.status.cursor = cursor
        self._last_sign_of_life = asyncio.get_running_loop().time()

    def _count(self, found: fetch.Found) -> None:
        self.status.batches += 1
        self.status.blocks += len(found.headers)
        for table, of_table in found.rows.items():
            self.status.rows[table] += len(of_table)
        log.debug("blocks_recorded", head=self.cursor.head_number, blocks=len(found.headers), rows=found.count)


async def open_mirror(
    chain: rpc.Chain,
    connection: record.Connection,
    scope: fetch.Scope,
    status: Status,
    schema: str = "ledger",
    *,
    range_blocks: int = ahead.RANGE_BLOCKS,
    receipts: ReceiptsOf = "live",
) -> Mirror:
    """Reads the cursor, or sets it before the deployment; fences any writer before. Raises record.OtherDeployment."""
    cursor = await record.open_cursor(connection, scope.deployment, await _before_start(chain, scope), schema)
    vaults = await _vaults(connection, cursor)
    status.cursor = cursor
    ranges = ahead.Ahead(chain, scope, range_blocks, with_receipts=receipts == "always")
    return Mirror(chain, connection, scope, cursor, vaults, status, ranges, receipts)


async def _vaults(connection: record.Connection, cursor: record.Cursor) -> set[str]:
    return {fetch.word(vault) for vault in await record.vaults(connection, cursor)}


News = Callable[[float], Awaitable[rpc.Header | None]]
"""Waits so many seconds at most for a new head; answers it when somebody announced one."""


async def follow(
    mirror: Mirror,
    *,
    poll_seconds: float,
    stop: asyncio.Event,
    done: Callable[[Mirror], Awaitable[bool]] | None = None,
    news: News | None = None,
) -> None:
    """Steps until `stop` is set, or `done` says so after a step that changed nothing. Raises record.Fenced and
    psycopg.OperationalError.

    Everything else is tried again: at once with another provider, later with the same one. What does not go away halts
    the ledger (status `halted`), and is tried again at intervals all the same."""
    strikes, announced = 0, None
    while not stop.is_set():
        try:
            changed = await mirror.step(announced) or await mirror.roll_up()
            strikes, announced = 0, None
        except _FAULTS as fault:
            if announced is not None:
                announced = None  # whoever announced it may be ahead of the provider, who then is not to blame
                continue
            strikes += 1
            await _suffer(mirror, fault, strikes)
            await pause(stop, _patience(strikes // len(mirror.chain.providers)))
            continue
        if not changed:
            if done is not None and await done(mirror):
                return
            announced = await _next_news(stop, poll_seconds, news)


async def _next_news(stop: asyncio.Event, seconds: float, news: News | None) -> rpc.Header | None:
    if news is None:
        await pause(stop, seconds)
        return None
    waiting, stopped = asyncio.ensure_future(news(seconds)), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((waiting, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (waiting, stopped):
            task.cancel()
    await asyncio.wait((waiting, stopped))
    return waiting.result() if waiting.done() and not waiting.cancelled() else None


async def _before_start(chain: rpc.Chain, scope: fetch.Scope) -> facts.Block:
    (header,) = await chain.headers([scope.deployment.deployed_at_block - 1])
    try:
        proof.header_hash(header)
    except proof.BadAnswer as lie:
        chain.leave_provider(type(lie).__name__, str(lie))
        raise rpc.Unavailable(str(lie)) from lie
    return fetch.block_fact(scope.deployment.chain_id, header, has_events=False)


async def _suffer(mirror: Mirror, fault: Exception, strikes: int) -> None:
    """Leaves the provider. Halts when each of them was asked as often as the kind of fault deserves."""
    kind = type(fault).__name__
    mirror.status.retries[kind] += 1
    mirror.chain.leave_provider(kind, str(fault), fault)
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
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), timeout=seconds)
    heed_cancellation()


def heed_cancellation(fault: Exception | None = None) -> None:
    """Raises CancelledError when this task was cancelled and goes on all the same: psycopg may put an error of its
    connection in a cancellation's place, and whoever takes that for one to try again after would go on for ever."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from fault
