"""Ranges of final blocks under way at once: fetched in parallel, handed out in order.

Each range takes its first look as soon as it is asked for. Its second one needs the vaults deployed in the ranges
before it, which their first looks tell; so nothing waits for a commit. What is under way is bounded: in ranges, and in
rows a range, by a width that follows what the last ranges held.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from indexer import fetch, proof, sources
from indexer.chain import Chain, Header, RangeRefused
from indexer.fetch import Found, Look, Past, Scope
from indexer.sources import Range
from ledger import record

RANGE_BLOCKS = 2000
_AT_ONCE = 4
_FIRST_WIDTH = 100
_WIDEST = 1_000_000
_LONGEST_PATIENCE = 64
"""Successes before a node that refused again and again is asked for more."""
_HEADERS_AT_ONCE = 60
_ROWS = 12000
"""So many rows a range should have: about 20 MB of answers."""


@dataclass(frozen=True)
class _UnderWay:
    first: int
    last: int
    vaults: asyncio.Task[frozenset[str]]
    """All that are deployed by the end of the range."""
    found: asyncio.Task[Found]
    tasks: Sequence[asyncio.Task[Any]]


@dataclass
class Ahead:
    """The ranges under way. Whoever gets an error from `next` calls `drop` or `narrow`."""

    chain: Chain
    scope: Scope
    widest: int
    """Blocks in a range."""
    with_receipts: bool = False
    _width: int = _FIRST_WIDTH
    _taken: int = _WIDEST
    """What nodes were last seen to take: less after a refusal, half as much again after `_patience` successes."""
    _patience: int = 2
    _successes: int = 0
    _under_way: deque[_UnderWay] = field(default_factory=deque)

    @property
    def busy(self) -> bool:
        return bool(self._under_way)

    @property
    def proof(self) -> record.Proof:
        return "receipts" if self.with_receipts else "bloom"

    def fill(self, head_number: int, final_to: int, vaults: set[str]) -> None:
        """Asks for what follows `head_number`, or the last range under way."""
        while len(self._under_way) < _AT_ONCE:
            before = self._under_way[-1] if self._under_way else None
            first = (before.last if before else head_number) + 1
            last = min(final_to, first + min(self._width, self.widest) - 1)
            if last < first:
                return
            self._under_way.append(self._start(range(first, last + 1), before, vaults))

    async def next(self) -> Found:
        """The first range. Raises what `fetch.complete` raises, chain.Unavailable, proof.BadAnswer."""
        found = await self._under_way[0].found
        self._under_way.popleft()
        blocks = len(found.headers)
        wanted = blocks * _ROWS // max(found.count, 1)
        self._count_success()
        self._width = max(1, min(wanted, 2 * self._width, self._taken, self.widest))
        return found

    async def narrow(self, refusal: RangeRefused) -> None:
        """After a refusal: asks for less from now on, for what the node says it takes, if it says so. Raises it when
        there is no less."""
        refused = self._under_way[0]
        await self.drop()
        width = refused.last - refused.first + 1
        if width == 1:
            raise refusal
        self._patience, self._successes = min(_LONGEST_PATIENCE, 2 * self._patience), 0
        suggested = refusal.suggested_blocks
        self._width = self._taken = suggested if suggested is not None and suggested < width else width // 2

    def _count_success(self) -> None:
        self._successes += 1
        if self._successes == self._patience:
            self._taken, self._successes = min(_WIDEST, self._taken + self._taken // 2 + 1), 0

    async def drop(self) -> None:
        """Forgets what is under way."""
        tasks = [task for range_ in self._under_way for task in range_.tasks]
        self._under_way.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, numbers: range, before: _UnderWay | None, vaults: set[str]) -> _UnderWay:
        watched = frozenset(vaults)

        async def known_before() -> frozenset[str]:
            return await before.vaults if before else watched

        async def first_look() -> tuple[Look, object]:
            headers = await self.chain.headers(numbers)
            told_by = self.chain.last_asked()
            await _prove(self.scope, headers)
            return await looked(self.chain, self.scope, await self._range(headers), watched), told_by

        async def known_after() -> frozenset[str]:
            return (await known_before()) | (await look)[0].deployed.keys()

        async def second_look() -> Found:
            (seen, told_by), known = await look, await known_before()
            before_it = (numbers[0] - 1, seen.blocks.headers[0].parent_hash)

            async def past() -> Past:
                return Past(before_it)

            found = await fetch.complete(self.chain, self.scope, seen, known, past)
            return replace(found, agreed=await self.chain.others_have(found.headers[-1]), told_by=told_by)

        look = asyncio.create_task(self.chain.attributed(first_look))
        vaults_after, found = (
            asyncio.create_task(known_after()),
            asyncio.create_task(self.chain.attributed(second_look)),
        )
        return _UnderWay(numbers[0], numbers[-1], vaults_after, found, (look, vaults_after, found))

    async def _range(self, headers: Sequence[Header]) -> Range:
        if self.with_receipts:
            return await sources.received(self.chain, headers)
        return Range(headers, sources.ByNumber(self.chain, headers), "bloom")


async def _prove(scope: Scope, headers: Sequence[Header]) -> None:
    """As `proof.headers_chain`, some at a time: a database that waits for us meanwhile need not wait for all."""
    async with scope.proving:
        for start in range(0, len(headers), _HEADERS_AT_ONCE):
            proof.headers_chain(headers[max(0, start - 1) : start + _HEADERS_AT_ONCE])
            await asyncio.sleep(0)


async def looked(chain: Chain, scope: Scope, blocks: Range, watched: Collection[str]) -> Look:
    """The first look; what the blooms leave in doubt is settled by the receipts."""
    seen = await fetch.look(scope, blocks, watched)
    for header in fetch.doubtful(scope, seen):
        whole = await sources.received(chain, [header])
        if await whole.source.find([{"address": scope.deployment.splitter}]):
            raise proof.BadAnswer(f"logs of block {header.height} were left out of the answer")
    return seen
