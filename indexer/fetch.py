"""Everything of ours in a range of blocks: what to ask for, and which of the answers are ours.

Ours are all logs of the splitter; every USDC Transfer out of or into the splitter or a deployed vault; every Transfer
that the payer of a split made in its transaction; and the authorizations by which any of these was made.
A vault may have been paid before it was deployed. Such a transfer becomes ours with the deployment, whose block is its
`noticed_block_number`: what the ledger has at a block depends on the chain up to that block, and on nothing else.

Two looks make a range: `look` finds what the splitter said, and `complete` what moved because of it. The second needs
to know the vaults of all ranges before; the first does not, so that several ranges are under way at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from indexer import proof, rows, sources
from indexer.chain import Behind, Chain, Header, Log, LogFilter
from indexer.events import Decoder
from indexer.sources import Range
from indexer.topics import AUTHORIZATION_USED, TIP_SPLIT, TRANSFER, VAULT_DEPLOYED
from indexer.wire import Refused
from ledger import copying, facts
from ledger.deployment import Deployment

_NEVER = 2**63
_LOGS_AT_ONCE = 100
"""About a millisecond."""
_BALANCE_OF = "0x70a08231"
"""`balanceOf(address)`"""


@dataclass(frozen=True)
class Scope:
    """What is mirrored, and how widely one question may reach."""

    deployment: Deployment
    decoder: Decoder
    addresses_per_filter: int = 400
    history_blocks_per_filter: int = 10_000
    proving: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False)
    """Held by whichever range is being proven: one after the other, so that the first is ready first, and the database
    is served between any two parts of it."""


@dataclass
class Look:
    """What the splitter said in a range, and what moved through it and the vaults that were watched."""

    blocks: Range
    splitter_logs: list[Log]
    moved: list[Log]
    watched: Collection[str]
    deployed: dict[str, int]
    """Vaults deployed in the range, as words, and where."""
    payers: dict[str, set[str]]
    """For each transaction with splits, whose money was split (a vault's is not named: it is watched)."""


@dataclass
class Found:
    """A whole range, checked and ready to be written."""

    headers: Sequence[Header]
    rows: copying.Rows
    with_events: set[str]
    """Numbers (hex) of the blocks in which rows stand."""
    deployed: Collection[str]
    agreed: bool = False
    """Whether its last block is the one that another provider has too."""
    told_by: object = None
    """Who told the headers: `Chain.last_asked`."""
    late_blocks: list[facts.Block] = field(default_factory=list)
    late_facts: list[facts.UsdcFact] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(map(len, self.rows.values()))


@dataclass(frozen=True)
class Past:
    """The blocks before a range: the newest final one, and all after it."""

    final: tuple[int, str]
    young: dict[int, str] = field(default_factory=dict)


def word(address: bytes) -> str:
    """An address as a topic has it."""
    return f"0x{address.hex():0>64}"


async def look(scope: Scope, blocks: Range, watched: Collection[str]) -> Look:
    """The first look. `watched`: vaults known so far, as words. Raises chain.Unavailable, proof.BadAnswer."""
    splitter = scope.deployment.splitter.lower()
    sides = [word(scope.deployment.splitter_bytes), *watched]
    logs = await blocks.source.find([{"address": scope.deployment.splitter}, *_touching(scope, sides)])
    splitter_logs = proof.each_once(log for log in logs if log.address.lower() == splitter)
    proof.logs_belong(splitter_logs, blocks.hashes)
    deployed: dict[str, int] = {}
    for log in splitter_logs:
        if log.topics[0] == VAULT_DEPLOYED:
            deployed.setdefault(log.topics[1], log.place[0])
    moved = [log for log in logs if log.address.lower() != splitter]
    return Look(blocks, splitter_logs, moved, watched, deployed, _payers(splitter_logs))


def doubtful(scope: Scope, seen: Look) -> list[Header]:
    """Blocks of which the source may have left something out. Raises proof.BadAnswer for what it cannot have said."""
    if seen.blocks.proof == "receipts":
        return []
    return proof.blooms_allow(seen.blocks.headers, seen.splitter_logs, scope.deployment.splitter_bytes)


async def complete(
    chain: Chain, scope: Scope, seen: Look, known: Collection[str], past: Callable[[], Awaitable[Past]]
) -> Found:
    """The second look. `known`: all vaults deployed before the range; `past` is asked when the range deploys new ones.

    Raises chain.RangeRefused, chain.Unavailable, proof.BadAnswer, events.Undecodable.
    """
    new = {vault: number for vault, number in seen.deployed.items() if vault not in known}
    noticed = {word(scope.deployment.splitter_bytes): 0, **dict.fromkeys(known, 0), **new}
    late = await _earlier(chain, scope, new, await past()) if new else []
    if new:
        await _late_is_all(chain, scope, late, new, seen.blocks.headers[0].parent_hash)
    usdc_logs = [*seen.moved, *await _moved_besides(scope, seen, noticed)]
    writer, with_events = rows.Writer(scope.decoder), set[str]()
    async with scope.proving:
        for splitter_part, usdc_part in _parts(seen, usdc_logs):
            ours = _ours(proof.each_once(usdc_part), seen.payers, noticed)
            with_events |= _write(writer, scope, splitter_part, ours)
            await asyncio.sleep(0)
    late_blocks, late_facts = await _collect_late(
        chain, scope, late, noticed, with_receipts=seen.blocks.proof == "receipts"
    )
    return Found(
        seen.blocks.headers, writer.rows, with_events, seen.deployed, late_blocks=late_blocks, late_facts=late_facts
    )


def _parts(seen: Look, usdc_logs: Iterable[Log]) -> Iterator[tuple[list[Log], list[Log]]]:
    """What the splitter said and what USDC said, some whole blocks at a time: a part stays in the processor's cache
    until it is rows, and who else waits for the loop need not wait for the range. Raises proof.BadAnswer."""
    of_blocks: dict[str, tuple[list[Log], list[Log]]] = {header.number: ([], []) for header in seen.blocks.headers}
    proof.logs_belong(usdc_logs, seen.blocks.hashes)
    for log in seen.splitter_logs:
        of_blocks[log.block_number][0].append(log)
    for log in usdc_logs:
        of_blocks[log.block_number][1].append(log)
    splitter_part: list[Log] = []
    usdc_part: list[Log] = []
    for splitter, usdc in of_blocks.values():
        splitter_part += splitter
        usdc_part += usdc
        if len(splitter_part) + len(usdc_part) >= _LOGS_AT_ONCE:
            yield splitter_part, usdc_part
            splitter_part, usdc_part = [], []
    yield splitter_part, usdc_part


def _write(
    writer: rows.Writer, scope: Scope, splitter_logs: Sequence[Log], usdc_logs: Sequence[tuple[Log, int]]
) -> set[str]:
    """Proves that these logs, all that are ours in whole blocks, are as the books have them, and writes their rows.
    Answers in which blocks they are."""
    proof.splits_are_paid([*splitter_logs, *(log for log, _ in usdc_logs)], scope.deployment.splitter_bytes)
    writer.splitter(splitter_logs)
    writer.usdc(usdc_logs)
    return {log.block_number for log in splitter_logs} | {log.block_number for log, _ in usdc_logs}


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


async def _moved_besides(scope: Scope, seen: Look, noticed: dict[str, int]) -> list[Log]:
    """What payers of splits moved, what moved through vaults not watched before, and how it was authorized."""
    usdc = scope.deployment.usdc
    not_watched = noticed.keys() - set(seen.watched) - {word(scope.deployment.splitter_bytes)}
    askers = {who for whose in seen.payers.values() for who in whose}
    what = [{"address": usdc, "topics": [TRANSFER, chunk]} for chunk in _chunks(scope, askers)]
    what += _touching(scope, not_watched)
    asked = (askers | {log.topics[1] for log in seen.moved}) - noticed.keys()
    what += _authorized_by(scope, asked)
    found = await seen.blocks.source.find(what) if what else []
    moved_late = {log.topics[1] for log in found if log.topics[0] == TRANSFER and log.topics[2] in not_watched}
    if moved_late - asked:
        found += await seen.blocks.source.find(_authorized_by(scope, moved_late - asked))
    return found


async def _earlier(chain: Chain, scope: Scope, new_vaults: Collection[str], past: Past) -> list[Log]:
    """Transfers of new vaults before the range: of final blocks by number, of younger ones by hash."""
    filters = list(_touching(scope, new_vaults))
    width, (last, last_hash) = scope.history_blocks_per_filter, past.final
    found = await chain.logs(
        [
            {"fromBlock": hex(start), "toBlock": hex(min(last, start + width - 1)), **what}
            for start in range(scope.deployment.deployed_at_block, last + 1, width)
            for what in filters
        ],
        reaching=(last, last_hash),
    )
    found += await chain.logs([{"blockHash": each, **what} for each in past.young.values() for what in filters])
    hashes = {hex(number): each for number, each in (past.final, *past.young.items())}
    proof.logs_belong([log for log in found if log.block_number in hashes], hashes)
    return proof.each_once(found)


async def _late_is_all(
    chain: Chain, scope: Scope, late: Iterable[Log], new_vaults: Collection[str], parent_hash: str
) -> None:
    """Before it was deployed nothing could leave a vault: what it got is what it had just before the range.

    No header proves those transfers, so this does, wherever the node has the state. Raises proof.BadAnswer.
    """
    got = dict.fromkeys(new_vaults, 0)
    for log in late:
        if log.topics[2] in got:
            got[log.topics[2]] += int(log.data, 16)
    calls = [(scope.deployment.usdc, _BALANCE_OF + vault[2:]) for vault in got]
    try:
        balances = await chain.call(calls, parent_hash)
    except (Behind, Refused):
        return  # a node without the states of old blocks; the reconciliation will ask for the balance of today
    for (vault, amount), answer in zip(got.items(), balances, strict=True):
        if amount != int.from_bytes(answer):
            raise proof.BadAnswer(
                f"vault {vault} had {int.from_bytes(answer)} micro-USDC when it was deployed, but got {amount}"
            )


async def _collect_late(
    chain: Chain, scope: Scope, late: Sequence[Log], noticed: dict[str, int], *, with_receipts: bool
) -> tuple[list[facts.Block], list[facts.UsdcFact]]:
    """Transfers of earlier blocks that a new vault makes ours, with the authorizations by which they were made."""
    if not late:
        return [], []
    headers = await chain.headers(sorted({log.place[0] for log in late}))
    for header in headers:
        proof.header_hash(header)
    where = await sources.one_by_one(chain, headers, with_receipts=with_receipts)
    authorized = await where.source.find(_authorized_by(scope, {log.topics[1] for log in late}))
    proof.logs_belong([*authorized, *late], where.hashes)
    blocks = [block_fact(scope.deployment.chain_id, header, has_events=True) for header in headers]
    return blocks, [scope.decoder.usdc(log, number) for log, number in _ours([*late, *authorized], {}, noticed)]


def _payers(splitter_logs: Iterable[Log]) -> dict[str, set[str]]:
    payers: dict[str, set[str]] = {}
    for log in splitter_logs:
        if log.topics[0] == TIP_SPLIT:
            payers.setdefault(log.transaction_hash, set()).add(log.topics[3])
    return payers


class _Numbers(dict[str, int]):
    """Block numbers by their hex: few, and asked for with every log."""

    def __missing__(self, digits: str) -> int:
        number = self[digits] = int(digits, 16)
        return number


def _ours(usdc_logs: Iterable[Log], payers: dict[str, set[str]], noticed: dict[str, int]) -> list[tuple[Log, int]]:
    """Those that are ours, each with the block that made it so."""
    ours: list[tuple[Log, int]] = []
    authorizations: list[Log] = []
    senders: dict[tuple[str, str], int] = {}
    numbers = _Numbers()
    for log in usdc_logs:
        if log.topics[0] != TRANSFER:
            authorizations.append(log)
            continue
        _, source, to = log.topics
        number = numbers[log.block_number]
        if source in payers.get(log.transaction_hash, ()):
            by = number
        elif source in noticed or to in noticed:
            by = max(number, min(noticed.get(source, _NEVER), noticed.get(to, _NEVER)))
        else:
            proof.is_foreign(log)
            continue
        ours.append((log, by))
        key = log.transaction_hash, source
        senders[key] = min(by, senders.get(key, by))
    for log in authorizations:
        by_sender = senders.get((log.transaction_hash, log.topics[1]))
        if by_sender is None:
            proof.is_foreign(log)
        else:
            ours.append((log, by_sender))
    return ours


def _touching(scope: Scope, addresses: Iterable[str]) -> Iterator[LogFilter]:
    """Transfers out of and into these addresses."""
    for chunk in _chunks(scope, addresses):
        yield {"address": scope.deployment.usdc, "topics": [TRANSFER, chunk]}
        yield {"address": scope.deployment.usdc, "topics": [TRANSFER, None, chunk]}


def _authorized_by(scope: Scope, authorizers: Iterable[str]) -> list[LogFilter]:
    usdc = scope.deployment.usdc
    return [{"address": usdc, "topics": [AUTHORIZATION_USED, chunk]} for chunk in _chunks(scope, authorizers)]


def _chunks(scope: Scope, words: Iterable[str]) -> Iterator[list[str]]:
    """In an order of their own, and as many as nodes take in one filter."""
    ordered = sorted(words)
    for start in range(0, len(ordered), scope.addresses_per_filter):
        yield ordered[start : start + scope.addresses_per_filter]
