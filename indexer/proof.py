"""What can be checked of a node's answers. Pure: nothing here asks anybody.

A header proves itself (its hash is the keccak of its RLP) and its parent; its bloom then proves absence, and every log
must name the header's hash. What a bloom cannot prove (one log left out among others) the books do: each split must be
matched by the transfers and holds of its transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import itemgetter

from eth_hash.backends.pysha3 import keccak256 as keccak

from indexer.chain import Header, Log
from indexer.topics import AUTHORIZATION_USED, SHARE_HELD, TIP_SPLIT, TRANSFER, VAULT_FLUSHED
from ledger.facts import AGENT_HELD, CREATOR_HELD, PLATFORM_HELD, RAILS

_BLOOM_BITS = 2048
_STRING_HEADS = [f"{0x80 + size:02x}" for size in range(56)]
_FIRST = itemgetter(0)
_DENSE_BLOOM = 0.35
"""Above this share of bits set, more than one block in twenty says maybe without having anything (0.35³ = 4 %)."""


class BadAnswer(Exception):
    """A node's answer contradicts itself, its headers or the books. Another node may do better, or this one later."""


class NotOurChain(BadAnswer):
    """The first header does not continue the block it was to follow: the chain was reorganised."""


def continues(header: Header, parent_hash: bytes) -> None:
    """The header follows `parent_hash`. Raises NotOurChain."""
    expected = "0x" + parent_hash.hex()
    if header.parent_hash != expected:
        raise NotOurChain(f"block {header.height} follows {header.parent_hash}, not {expected}")


def headers_chain(headers: Sequence[Header]) -> None:
    """Each header has the hash it says, and continues the one before. Raises BadAnswer."""
    for header in headers:
        header_hash(header)
    for (before, number), (after, next_number) in pairwise([(header, header.height) for header in headers]):
        if after.parent_hash != before.hash or next_number != number + 1:
            raise BadAnswer(f"block {next_number} does not follow block {number}")


def header_hash(header: Header) -> None:
    """Recomputes the hash, so that the header's bloom and parent are what was mined. Raises BadAnswer."""
    try:
        encoded = bytes.fromhex(_rlp(header))
    except (ValueError, IndexError) as error:
        raise BadAnswer(f"the header of block {header.number} is no proper hex: {error}") from error
    if "0x" + keccak(encoded).hex() != header.hash:
        raise BadAnswer(f"the header of block {header.height} does not have the hash {header.hash}")


def logs_belong(logs: Iterable[Log], hashes: dict[str, str]) -> None:
    """Every log is of one of these blocks (number in hex → hash), and none is `removed`. Raises BadAnswer."""
    for log in logs:
        if log.removed:
            raise BadAnswer(f"log {log.place} is of a removed block")
        if hashes.get(log.block_number) != log.block_hash:
            raise BadAnswer(f"log {log.place} is of block {log.block_hash}, not of {hashes.get(log.block_number)}")


def each_once(logs: Iterable[Log]) -> list[Log]:
    """Two filters may find the same log. Raises BadAnswer when two answers show a place differently."""
    seen: dict[str, Log] = {}
    for log in logs:
        if seen.setdefault(log.block_number + log.log_index, log) != log:
            raise BadAnswer(f"two different logs are at {log.place}")
    return list(seen.values())


def is_foreign(log: Log) -> None:
    """A log that matches nothing of ours is written in the case that ours is compared in. Raises BadAnswer."""
    if not "".join(log.topics).islower():
        raise BadAnswer(f"log {log.place} has topics in another case than JSON-RPC asks for: {log.topics}")


def blooms_allow(headers: Iterable[Header], logs: Iterable[Log], address: bytes) -> list[Header]:
    """The headers whose bloom makes it likely that `address` logged in the block where `logs` has nothing of it.

    Raises BadAnswer for a log in a block whose bloom excludes its address.
    """
    with_logs = {log.block_number for log in logs}
    mask = _bloom_mask(address)
    doubtful = []
    for header in headers:
        bloom = int(header.logs_bloom, 16)
        allowed = bloom & mask == mask
        if header.number in with_logs and not allowed:
            raise BadAnswer(f"block {header.height} has a log that its bloom excludes")
        if allowed and header.number not in with_logs and bloom.bit_count() < _DENSE_BLOOM * _BLOOM_BITS:
            doubtful.append(header)
    return doubtful


def splits_are_paid(logs: Iterable[Log], splitter: bytes) -> None:
    """Each TipSplit's three shares are, one for one, transfers or holds of its transaction, and add up to its amount.

    `logs`: of the splitter and of USDC, in any order. Raises BadAnswer naming the split: a log was left out or
    invented, or the contract is not what we think.
    """
    by_tx: dict[str, list[Log]] = defaultdict(list)
    with_splits = set()
    for log in logs:
        by_tx[log.transaction_hash].append(log)
        if log.topics[0] == TIP_SPLIT:
            with_splits.add(log.transaction_hash)
    account = f"0x{splitter.hex():0>64}"
    for tx_hash in with_splits:
        _Payments(account).check(by_tx[tx_hash])


class _Payments:
    """What moved and was held in one transaction, as far as no split has accounted for it. All in words of 0x-hex."""

    __slots__ = ("_authorizers", "_flushed", "_holds", "_splitter", "_transfers")

    def __init__(self, splitter: str) -> None:
        self._splitter = splitter
        self._transfers: dict[tuple[str, str], list[str]] = {}
        """Source and amount → to whom."""
        self._holds: list[tuple[str, str]] = []
        """Ref and amount."""
        self._authorizers: set[str] = set()
        self._flushed: str | None = None

    def check(self, logs: list[Log]) -> None:
        """The contract logs a split after everything that belongs to it."""
        for _, log in sorted([(int(log.log_index, 16), log) for log in logs], key=_FIRST):
            topic = log.topics[0]
            if topic == TRANSFER:
                _, source, to = log.topics
                self._transfers.setdefault((source, log.data[2:]), []).append(to)
            elif topic == TIP_SPLIT:
                self._account_for(log)
            elif topic == SHARE_HELD:
                self._holds.append((log.topics[2], log.data[66:130]))
            elif topic == AUTHORIZATION_USED:
                self._authorizers.add(log.topics[1])
            elif topic == VAULT_FLUSHED:
                self._flushed = log.topics[1]

    def _account_for(self, split: Log) -> None:
        data = split.data
        amount, creator, agent = data[66:130], data[130:194], data[194:258]
        platform = f"{int(amount, 16) - int(creator, 16) - int(agent, 16):064x}"
        held_mask = int(data[386:450], 16)
        source = self._source(split, RAILS[int(data[450:514], 16)], amount)
        self._leg(split, held_mask & CREATOR_HELD, creator, source, "0x" + data[258:322])
        self._leg(split, held_mask & AGENT_HELD, agent, source, "0x" + data[322:386])
        self._leg(split, held_mask & PLATFORM_HELD, platform, source, None)  # the treasury is not in the event

    def _source(self, split: Log, rail: str, amount: str) -> str:
        """Whose money is split: the payer's, ours (once the authorization paid us), or that of the vault just
        flushed."""
        payer = split.topics[3]
        if rail in ("approve", "permit"):
            return payer
        if rail == "authorization":
            if payer not in self._authorizers:
                raise BadAnswer(f"tip {_at(split)} was authorized, but no authorization was used")
            self._take_transfer(split, amount, payer, self._splitter)
            return self._splitter
        if self._flushed is None:
            raise BadAnswer(f"tip {_at(split)} came out of a vault, but none was flushed")
        return self._flushed

    def _leg(self, split: Log, held: int, share: str, source: str, wallet: str | None) -> None:
        if not held:
            self._take_transfer(split, share, source, wallet)
            return
        try:
            self._holds.remove((split.topics[1], share))
        except ValueError:
            raise BadAnswer(
                f"tip {_at(split)} holds a share of {int(share, 16)} micro-USDC that no ShareHeld names"
            ) from None
        if source != self._splitter:
            self._take_transfer(split, share, source, self._splitter)

    def _take_transfer(self, split: Log, amount: str, source: str, to: str | None) -> None:
        """To `to`, or to whomever it went."""
        receivers = self._transfers.get((source, amount))
        if receivers and to is None:
            receivers.pop(0)
        elif receivers and to in receivers:
            receivers.remove(to)
        else:
            raise BadAnswer(f"tip {_at(split)} moved {int(amount, 16)} micro-USDC that no Transfer shows")


def _at(split: Log) -> str:
    return f"(block {split.place[0]}, log {split.place[1]}, transaction {split.transaction_hash})"


def _bloom_mask(value: bytes) -> int:
    """The three bits of a value (yellow paper, 4.3.1)."""
    digest = keccak(value)
    bits = {int.from_bytes(digest[start : start + 2]) % _BLOOM_BITS for start in (0, 2, 4)}
    return sum(1 << bit for bit in bits)


def _rlp(header: Header) -> str:
    """The header as RLP (yellow paper, appendix B), in hex. A byte string of a fixed width begins with its length."""
    body = (
        f"a0{header.parent_hash[2:]}a0{header.sha3_uncles[2:]}94{header.miner[2:]}a0{header.state_root[2:]}"
        f"a0{header.transactions_root[2:]}a0{header.receipts_root[2:]}b90100{header.logs_bloom[2:]}"
        f"{_quantity(header.difficulty)}{_quantity(header.number)}{_quantity(header.gas_limit)}"
        f"{_quantity(header.gas_used)}{_quantity(header.timestamp)}{_string(header.extra_data[2:])}"
        f"a0{header.mix_hash[2:]}88{header.nonce[2:]}"
    )
    if header.base_fee_per_gas is not None:  # EIP-1559; what came later, only after what came before
        body += _quantity(header.base_fee_per_gas)
    if header.withdrawals_root is not None:  # EIP-4895
        body += f"a0{header.withdrawals_root[2:]}"
    if header.blob_gas_used is not None:  # EIP-4844
        body += _quantity(header.blob_gas_used)
    if header.excess_blob_gas is not None:
        body += _quantity(header.excess_blob_gas)
    if header.parent_beacon_block_root is not None:  # EIP-4788
        body += f"a0{header.parent_beacon_block_root[2:]}"
    if header.requests_hash is not None:  # EIP-7685
        body += f"a0{header.requests_hash[2:]}"
    size = f"{len(body) // 2:x}"
    return f"{0xF7 + (len(size) + 1) // 2:02x}{_even(size)}{body}"


def _quantity(value: str) -> str:
    """Without the zeros that some nodes begin it with."""
    digits = value[2:]
    if digits[0] == "0":
        digits = digits.lstrip("0")
    return _string("0" + digits if len(digits) % 2 else digits)


def _string(digits: str) -> str:
    """At most 55 bytes, as all variable fields of a header are."""
    if len(digits) == 2 and digits < "80":  # noqa: PLR2004 - one byte below 0x80 is itself
        return digits
    return _STRING_HEADS[len(digits) // 2] + digits


def _even(digits: str) -> str:
    return digits if len(digits) % 2 == 0 else "0" + digits
