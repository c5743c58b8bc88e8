"""Everything of ours in a range of blocks: what to ask for, and which of the answers are ours.

Ours are all logs of the splitter; in each transaction with one of them every USDC Transfer and AuthorizationUsed; and
every Transfer into or out of the splitter and the deployed vaults, with the authorizations used in its transaction.
A vault may have been paid before it was deployed. Such a transfer becomes ours with the deployment, whose block is its
`noticed_block_number`: what the ledger has at a block depends on the chain up to that block, and on nothing else.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
    def first(self) -> int:
        return self.headers[0].height

    @property
    def last(self) -> int:
        return self.headers[-1].height

    @property
    def hashes(self) -> dict[int, str]:
        return {header.height: header.hash for header in self.headers}

    def filters(self, numbers: Iterable[int] | None = None, **what: Any) -> Iterator[LogFilter]:
        """Filters that together cover these blocks (all of the range, when none are named)."""
        wanted = list(self.hashes) if numbers is None else sorted(numbers)
        if not self.final:
            hashes = self.hashes
            yield from ({"blockHash": hashes[number], **what} for number in wanted)
            return
        for first, last in _runs(wanted):
            yield {"fromBlock": hex(first), "toBlock": hex(last), **what}


async def collect(chain: Chain, scope: Scope, blocks: Range, vaults: set[bytes], finalized_number: int) -> facts.Batch:
    """Asks, checks and decodes. `vaults`: those deployed before the range.

    Raises chain.Unavailable, chain.RangeRefused, proof.BadAnswer and events.Undecodable.
    """
    deployment, decoder = scope.deployment, scope.decoder
    splitter_logs = await chain.logs(list(blocks.filters(address=deployment.splitter)))
    proof.logs_belong(splitter_logs, blocks.hashes)
    await _settle_doubts(chain, blocks, splitter_logs, deployment.splitter_bytes)
    splitter_facts = [decoder.splitter(log) for log in splitter_logs]

    seen = dict.fromkeys((deployment.splitter_bytes, *vaults), 0)
    new = {fact.vault: fact.block_number for fact in splitter_facts if isinstance(fact, facts.VaultDeployed)}
    moved = await chain.logs([f for what in _touching(scope, seen) for f in blocks.filters(**what)])
    earlier = await chain.logs(list(_history(scope, new, blocks.last)))
    in_range = [log for log in (*moved, *earlier) if log.place[0] >= blocks.first]
    late = [log for log in earlier if log.place[0] < blocks.first]

    involved = {log.place[0] for log in (*splitter_logs, *in_range)}
    usdc_logs = await chain.logs(list(blocks.filters(involved, **_all_usdc(scope))))
    proof.logs_belong([*usdc_logs, *splitter_logs], blocks.hashes)
    _contains(usdc_logs, in_range)

    split_txs = {log.transaction_hash for log in splitter_logs}
    usdc_facts = _ours(usdc_logs, decoder, split_txs, {**seen, **new})
    proof.splits_are_paid([*splitter_facts, *usdc_facts], deployment.splitter_bytes)
    late_blocks, late_facts = await _collect_late(chain, scope, late, {**seen, **new})
    found: list[facts.Fact] = [*splitter_facts, *usdc_facts]
    kept = {fact.block_number for fact in found}
    chain_id = deployment.chain_id
    return facts.Batch(
        parent_hash=bytes.fromhex(blocks.headers[0].parent_hash[2:]),
        head=block_fact(chain_id, blocks.headers[-1], has_events=blocks.last in kept),
        blocks=[
            block_fact(chain_id, header, has_events=header.height in kept)
            for header in blocks.headers
            if header.height in kept or header.height >= min(finalized_number, blocks.last)
        ],
        facts=found,
        late_blocks=late_blocks,
        late_facts=late_facts,
    )


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


async def _settle_doubts(chain: Chain, blocks: Range, logs: Sequence[Log], splitter: bytes) -> None:
    """Where a sparse bloom says that the splitter logged and no log came, the receipts decide."""
    for header in proof.blooms_allow(blocks.headers, logs, splitter):
        for log in await chain.logs_of_receipts(header.hash):
            if bytes.fromhex(log.address[2:]) == splitter:
                raise proof.BadAnswer(f"logs of block {header.height} were left out of the answer")


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


def _history(scope: Scope, new_vaults: Iterable[bytes], last: int) -> Iterator[LogFilter]:
    """Transfers of new vaults from the beginning up to `last`."""
    filters = list(_touching(scope, new_vaults))
    if not filters:
        return
    for start in range(scope.deployment.deployed_at_block, last + 1, scope.history_blocks_per_filter):
        end = min(last, start + scope.history_blocks_per_filter - 1)
        yield from ({"fromBlock": hex(start), "toBlock": hex(end), **what} for what in filters)


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Consecutive numbers as (first, last)."""
    start = 0
    for i in range(1, len(numbers) + 1):
        if i == len(numbers) or numbers[i] != numbers[i - 1] + 1:
            yield numbers[start], numbers[i - 1]
            start = i
