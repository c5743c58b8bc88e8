"""Where the logs of a range of blocks come from, and how far that proves them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from indexer import receipts
from indexer.chain import Chain, Header, Log, LogFilter
from ledger import record

_RECEIPTS_AT_ONCE = 8
"""Blocks: a busy one has a megabyte of receipts."""


class Source(Protocol):
    """Where the logs of a range come from."""

    async def find(self, what: Iterable[LogFilter]) -> list[Log]:
        """What these filters (address and topics) find in the range. A log that two of them find may come twice."""


@dataclass(frozen=True)
class Range:
    """Blocks whose headers were proven, and where their logs come from."""

    headers: Sequence[Header]
    source: Source
    proof: record.Proof
    """How far what the source says is proven."""

    @property
    def hashes(self) -> dict[str, str]:
        return {header.number: header.hash for header in self.headers}


@dataclass(frozen=True)
class ByNumber:
    """Asks for final blocks, all together. Whoever answers must have the last of them."""

    chain: Chain
    headers: Sequence[Header]

    async def find(self, what: Iterable[LogFilter]) -> list[Log]:
        first, last = self.headers[0], self.headers[-1]
        place = {"fromBlock": first.number, "toBlock": last.number}
        return await self.chain.logs([{**place, **each} for each in what], reaching=(last.height, last.hash))


@dataclass(frozen=True)
class ByHash:
    """Asks for blocks that may still be reorganised away, one by one, so that no answer can be of another fork."""

    chain: Chain
    headers: Sequence[Header]

    async def find(self, what: Iterable[LogFilter]) -> list[Log]:
        return await self.chain.logs([{"blockHash": each.hash, **which} for which in what for each in self.headers])


@dataclass(frozen=True)
class Received:
    """All logs of the blocks are here already, proven by their receipts' roots."""

    logs: Sequence[Log]

    async def find(self, what: Iterable[LogFilter]) -> list[Log]:
        return [log for each in what for log in _matching(self.logs, each)]


async def one_by_one(chain: Chain, headers: Sequence[Header], *, with_receipts: bool) -> Range:
    """Blocks asked for by their hashes, which need neither be final nor follow each other."""
    if with_receipts:
        return await received(chain, headers)
    return Range(headers, ByHash(chain, headers), "bloom")


async def received(chain: Chain, headers: Sequence[Header]) -> Range:
    """The blocks with all their logs. Raises proof.BadAnswer when a receipts root is another than the header's."""
    logs: list[Log] = []
    for start in range(0, len(headers), _RECEIPTS_AT_ONCE):
        asked = headers[start : start + _RECEIPTS_AT_ONCE]
        found = await chain.receipts_of([header.hash for header in asked])
        for header, of_block in zip(asked, found, strict=True):
            receipts.check_root(header, of_block)
            logs += [log for receipt in of_block for log in receipt.logs]
    return Range(headers, Received(logs), "receipts")


def _matching(logs: Iterable[Log], what: LogFilter) -> Iterator[Log]:
    """As a node matches: `address` equal, each topic one of those named (None: any)."""
    address = what["address"].lower()
    wanted = [
        (position, {topics} if isinstance(topics, str) else set(topics))
        for position, topics in enumerate(what.get("topics", ()))
        if topics is not None
    ]
    for log in logs:
        if log.address.lower() == address and all(
            position < len(log.topics) and log.topics[position] in topics for position, topics in wanted
        ):
            yield log
