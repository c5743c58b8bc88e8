"""Everything of ours in a range of blocks: what to ask for, and which of the answers are ours.

Ours are all logs of the splitter; in each transaction with one of them every USDC Transfer and AuthorizationUsed; and
every Transfer into or out of the splitter and the deployed vaults, with the authorizations used in its transaction.
A vault may have been paid before it was deployed. Such a transfer becomes ours with the deployment, whose block is its
`noticed_block_number`: what the ledger has at a block depends on the chain up to that block, and on nothing else.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from indexer import proof
from indexer.chain import Chain, Header, Log, LogFilter
from indexer.events import AUTHORIZATION_USED, TRANSFER, Decoder
from ledger import facts
from ledger.deployment import Deployment


@dataclass(frozen=True)
class Scope:
    """What is mirrored, and how widely one question may reach."""

    deployment: Deployment
    decoder: Decoder
    addresses_per_filter: int = 400
    history_blocks_per_filter: int = 10_000


@dataclass(frozen=True)
class Range:
    """Consecutive blocks whose headers were proven. Final ones are asked for by number, all together; others one by
    one, by hash, so that an answer cannot be of another fork."""

    headers: Sequence[Header]
    final: bool

    @property
    def hashes(self) -> dict[int, str]:
        return {header.height: header.hash for header in self.headers}

    @property
    def end(self) -> tuple[int, str] | None:
        """The block that a node must have to answer for a range by number."""
        return (self.headers[-1].height, self.headers[-1].hash) if self.final else None

    def filters_of(self, what: Iterable[LogFilter], numbers: Iterable[int] | None = None) -> list[LogFilter]:
        """Filters that ask for each of `what` in these blocks (all of the range, when none are named)."""
        hashes = self.hashes
        wanted = list(hashes) if numbers is None else sorted(numbers)
        if self.final:
            places = [{"fromBlock": hex(first), "toBlock": hex(last)} for first, last in _runs(wanted)]
        else:
            places = [{"blockHash": hashes[number]} for number in wanted]
        return [{**place, **each} for each in what for place in places]


class Found(NamedTuple):
    """The facts of a range, and those of earlier blocks that it makes ours."""

    facts: list[facts.Fact]
    late_blocks: list[facts.Block]
    late_facts: list[facts.UsdcFact]


@dataclass(frozen=True)
class Past:
    """What the ledger has of the blocks before a range: the newest final one, and all after it."""

    final: facts.Block
    young: Sequence[facts.Block]

    @property
    def hashes(self) -> dict[int, str]:
        return {block.number: "0x" + block.hash.hex() for block in (self.final, *self.young)}


async def collect(
    chain: Chain, scope: Scope, blocks: Range, vaults: set[bytes], past: Callable[[], Awaitable[Past]]
) -> Found:
    """Asks, checks and decodes. `vaults`: those deployed before the range; `past` is asked when there are new ones.

    Raises chain.Unavailable, chain.RangeRefused, proof.BadAnswer and events.Undecodable.
    """
    splitter, decoder = scope.deployment.splitter_bytes, scope.decoder
    known = dict.fromkeys((splitter, *vaults), 0)
    splitter_logs, moved = await _first_answers(chain, scope, blocks, known)
    said = [decoder.splitter(log) for log in splitter_logs]
    new = {fact.vault: fact.block_number for fact in said if isinstance(fact, facts.VaultDeployed)}
    late: list[Log] = []
    if new:
        moved += await chain.logs(blocks.filters_of(_touching(scope, new)), reaching=blocks.end)
        late = await _earlier(chain, scope, new, await past())
    involved = {log.place[0] for log in (*splitter_logs, *moved)}
    usdc_logs = await chain.logs(blocks.filters_of([_all_usdc(scope)], involved), reaching=blocks.end)
    proof.logs_belong([*usdc_logs, *moved], blocks.hashes)
    _contains(usdc_logs, moved)
    ours = _ours(usdc_logs, decoder, {log.transaction_hash for log in splitter_logs}, known | new)
    proof.splits_are_paid([*said, *ours], splitter)
    late_blocks, late_facts = await _collect_late(chain, scope, late, known | new)
    return Found([*said, *ours], late_blocks, late_facts)


async def _first_answers(
    chain: Chain, scope: Scope, blocks: Range, known: Iterable[bytes]
) -> tuple[list[Log], list[Log]]:
    """The splitter's logs, proven as far as blooms prove, and transfers into and out of what is known."""
    splitter = scope.deployment.splitter
    logs = await chain.logs(blocks.filters_of([{"address": splitter}, *_touching(scope, known)]), reaching=blocks.end)
    splitter_logs = [log for log in logs if log.address.lower() == splitter.lower()]
    proof.logs_belong(splitter_logs, blocks.hashes)
    for header in proof.blooms_allow(blocks.headers, splitter_logs, scope.deployment.splitter_bytes):
        for log in await chain.logs_of_receipts(header.hash):
            if log.address.lower() == splitter.lower():
                raise proof.BadAnswer(f"logs of block {header.height} were left out of the answer")
    return splitter_logs, [log for log in logs if log.address.lower() != splitter.lower()]


def block_fact(chain_id: int, header: Header, *, has_events: bool) -> facts.Block:
    """The header as the ledger keeps it."""
    return facts.Block(
        chain_id=chain_id,
        number=header.height,
        hash=bytes.fromhex(header.hash[2:]),
        parent_hash=bytes.fromhex(header.parent_hash[2:]),
        timestamp=datetime.fromtimestamp(int(header.timestamp, 16), UTC),
        has_events=has_events,
    )


async def _earlier(chain: Chain, scope: Scope, new_vaults: Iterable[bytes], past: Past) -> list[Log]:
    """Transfers of new vaults before the range: of final blocks by number, of younger ones by hash."""
    filters = list(_touching(scope, new_vaults))
    width, last = scope.history_blocks_per_filter, past.final.number
    found = await chain.logs(
        [
            {"fromBlock": hex(start), "toBlock": hex(min(last, start + width - 1)), **what}
            for start in range(scope.deployment.deployed_at_block, last + 1, width)
            for what in filters
        ],
        reaching=(last, "0x" + past.final.hash.hex()),
    )
    found += await chain.logs(
        [{"blockHash": "0x" + each.hash.hex(), **what} for each in past.young for what in filters]
    )
    hashes = past.hashes
    proof.logs_belong([log for log in found if log.place[0] in hashes], hashes)
    return found


async def _collect_late(
    chain: Chain, scope: Scope, late: Sequence[Log], seen: dict[bytes, int]
) -> tuple[list[facts.Block], list[facts.UsdcFact]]:
    """Transfers of earlier blocks that a new vault makes ours, with the authorizations of their transactions."""
    by_number = {log.place[0]: log.block_hash for log in late}
    if not by_number:
        return [], []
    headers = await chain.headers(sorted(by_number))
    usdc_logs = await chain.logs([{"blockHash": found, **_all_usdc(scope)} for found in by_number.values()])
    proof.logs_belong([*usdc_logs, *late], {header.height: header.hash for header in headers})
    _contains(usdc_logs, late)
    blocks = [block_fact(scope.deployment.chain_id, header, has_events=True) for header in headers]
    return blocks, _ours(usdc_logs, scope.decoder, set(), seen)


def _ours(
    usdc_logs: Sequence[Log], decoder: Decoder, split_txs: set[str], seen: dict[bytes, int]
) -> list[facts.UsdcFact]:
    """The transfers of ours, and the authorizations of their transactions, each with the block that made it so."""
    by_tx: dict[str, int] = {}
    ours: list[facts.UsdcFact] = []
    for log in usdc_logs:
        number = log.place[0]
        if log.transaction_hash in split_txs:
            by_tx[log.transaction_hash] = number
            ours.append(decoder.usdc(log, number))
        elif log.topics[0] == TRANSFER:
            sides = (bytes.fromhex(topic[-40:]) for topic in log.topics[1:3])
            known_since = [seen[side] for side in sides if side in seen]
            if known_since:
                noticed = max(number, min(known_since))
                by_tx[log.transaction_hash] = min(noticed, by_tx.get(log.transaction_hash, noticed))
                ours.append(decoder.usdc(log, noticed))
    for log in usdc_logs:
        if log.topics[0] == AUTHORIZATION_USED and log.transaction_hash not in split_txs:
            noticed_with = by_tx.get(log.transaction_hash)
            if noticed_with is not None:
                ours.append(decoder.usdc(log, noticed_with))
    return ours


def _contains(logs: Sequence[Log], expected: Iterable[Log]) -> None:
    """What one question found, the wider one must have found too."""
    places = {log.place for log in logs}
    for log in expected:
        if log.place not in places:
            raise proof.BadAnswer(f"USDC log {log.place} was in one answer and not in the next")


def _all_usdc(scope: Scope) -> LogFilter:
    return {"address": scope.deployment.usdc, "topics": [[TRANSFER, AUTHORIZATION_USED]]}


def _touching(scope: Scope, addresses: Iterable[bytes]) -> Iterator[LogFilter]:
    """Transfers out of and into these addresses, in filters of a size that nodes take."""
    words = [f"0x{address.hex():0>64}" for address in addresses]
    for start in range(0, len(words), scope.addresses_per_filter):
        chunk = words[start : start + scope.addresses_per_filter]
        yield {"address": scope.deployment.usdc, "topics": [TRANSFER, chunk]}
        yield {"address": scope.deployment.usdc, "topics": [TRANSFER, None, chunk]}


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Consecutive numbers as (first, last)."""
    start = 0
    for i in range(1, len(numbers) + 1):
        if i == len(numbers) or numbers[i] != numbers[i - 1] + 1:
            yield numbers[start], numbers[i - 1]
            start = i
