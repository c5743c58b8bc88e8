"""What can be checked of a node's answers. Pure: nothing here asks anybody.

A header proves itself (its hash is the keccak of its RLP) and its parent; its bloom then proves absence, and every log
must name the header's hash. What a bloom cannot prove (one log left out among others) the books do: each split must be
matched by the transfers and holds of its transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from eth_utils.crypto import keccak

from indexer.chain import Header, Log
from ledger import facts
from ledger.balances import AGENT_HELD, CREATOR_HELD, PLATFORM_HELD

_BLOOM_BITS = 2048
_RLP_STRING, _RLP_LIST, _RLP_SHORT = 0x80, 0xC0, 55
_DENSE_BLOOM = 0.35
"""Above this share of bits set, more than one block in twenty says maybe without having anything (0.35³ = 4 %)."""


class BadAnswer(Exception):
    """A node's answer contradicts itself, its headers or the books. Another node may do better, or this one later."""


class NotOurChain(BadAnswer):
    """The first header does not continue the block it was to follow: the chain was reorganised."""


def headers_chain(headers: Sequence[Header], parent_hash: bytes) -> None:
    """Each header continues the one before, the first one `parent_hash`. Raises NotOurChain and BadAnswer."""
    expected = "0x" + parent_hash.hex()
    if headers[0].parent_hash != expected:
        raise NotOurChain(f"block {headers[0].height} follows {headers[0].parent_hash}, not {expected}")
    for before, after in pairwise(headers):
        if after.parent_hash != before.hash or after.height != before.height + 1:
            raise BadAnswer(f"block {after.height} does not follow block {before.height}")


def header_hash(header: Header) -> None:
    """Recomputes the hash, so that the header's bloom and parent are what was mined. Raises BadAnswer."""
    if "0x" + keccak(_rlp(_header_fields(header))).hex() != header.hash:
        raise BadAnswer(f"the header of block {header.height} does not have the hash {header.hash}")


def logs_belong(logs: Iterable[Log], hashes: dict[int, str]) -> None:
    """Every log is of one of these blocks (number → hash), none is `removed`, no place is taken by two different logs.

    Raises BadAnswer.
    """
    seen: dict[tuple[int, int], Log] = {}
    for log in logs:
        number, _ = log.place
        if log.removed:
            raise BadAnswer(f"log {log.place} is of a removed block")
        if hashes.get(number) != log.block_hash:
            raise BadAnswer(f"log {log.place} is of block {log.block_hash}, not of {hashes.get(number)}")
        if seen.setdefault(log.place, log) != log:
            raise BadAnswer(f"two different logs are at {log.place}")


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


def splits_are_paid(found: Iterable[facts.Fact], splitter: bytes) -> None:
    """Each TipSplit's three shares are, one for one, transfers or holds of its transaction, and add up to its amount.

    Raises BadAnswer naming the split: a log was left out or invented, or the contract is not what we think.
    """
    by_tx: defaultdict[bytes, list[facts.Fact]] = defaultdict(list)
    for fact in found:
        by_tx[fact.tx_hash].append(fact)
    for of_tx in by_tx.values():
        splits = [fact for fact in of_tx if isinstance(fact, facts.TipSplit)]
        if splits:
            _match(splits, of_tx, splitter)


def _match(splits: list[facts.TipSplit], of_tx: list[facts.Fact], splitter: bytes) -> None:
    transfers = [fact for fact in of_tx if isinstance(fact, facts.UsdcTransfer)]
    holds = [fact for fact in of_tx if isinstance(fact, facts.ShareHeld)]
    for split in sorted(splits, key=lambda each: each.log_index):
        source = _source(split, of_tx, splitter)
        if split.rail == "authorization":
            _take_transfer(transfers, split, split.payer, splitter, split.amount_micro_usdc)
        for bit, wallet, amount in _legs(split):
            if not split.held_mask & bit:
                _take_transfer(transfers, split, source, wallet, amount)
                continue
            _take_hold(holds, split, amount)
            if source != splitter:
                _take_transfer(transfers, split, source, splitter, amount)


def _source(split: facts.TipSplit, of_tx: list[facts.Fact], splitter: bytes) -> bytes | None:
    """Whose money is split: the payer's, ours (once the authorization paid us), or that of the vault just flushed."""
    if split.rail in ("approve", "permit"):
        return split.payer
    if split.rail == "authorization":
        if not any(isinstance(fact, facts.AuthorizationUsed) and fact.authorizer == split.payer for fact in of_tx):
            raise BadAnswer(f"tip {_at(split)} was authorized, but no authorization was used")
        return splitter
    flushed = [fact for fact in of_tx if isinstance(fact, facts.VaultFlushed) and fact.log_index < split.log_index]
    if not flushed:
        raise BadAnswer(f"tip {_at(split)} came out of a vault, but none was flushed")
    return max(flushed, key=lambda each: each.log_index).vault


def _legs(split: facts.TipSplit) -> list[tuple[int, bytes | None, int]]:
    """(bit in held_mask, wallet, amount); the platform's wallet is not in the event: whatever the treasury was."""
    return [
        (CREATOR_HELD, split.creator_wallet, split.creator_share_micro_usdc),
        (PLATFORM_HELD, None, split.platform_share_micro_usdc),
        (AGENT_HELD, split.agent_wallet, split.agent_share_micro_usdc),
    ]


def _take_hold(holds: list[facts.ShareHeld], split: facts.TipSplit, amount: int) -> None:
    for hold in holds:
        if hold.ref == split.ref and hold.amount_micro_usdc == amount and hold.log_index < split.log_index:
            holds.remove(hold)
            return
    raise BadAnswer(f"tip {_at(split)} holds a share of {amount} micro-USDC that no ShareHeld names")


def _take_transfer(
    transfers: list[facts.UsdcTransfer], split: facts.TipSplit, source: bytes | None, wallet: bytes | None, amount: int
) -> None:
    for transfer in transfers:
        if (
            transfer.amount_micro_usdc == amount
            and transfer.from_address == source
            and wallet in (None, transfer.to_address)
            and transfer.log_index < split.log_index
        ):
            transfers.remove(transfer)
            return
    raise BadAnswer(f"tip {_at(split)} moved {amount} micro-USDC that no Transfer shows")


def _at(split: facts.TipSplit) -> str:
    return f"(block {split.block_number}, log {split.log_index}, transaction 0x{split.tx_hash.hex()})"


def _bloom_mask(value: bytes) -> int:
    """The three bits of a value (yellow paper, 4.3.1)."""
    digest = keccak(value)
    bits = {int.from_bytes(digest[start : start + 2]) % _BLOOM_BITS for start in (0, 2, 4)}
    return sum(1 << bit for bit in bits)


def _header_fields(header: Header) -> list[bytes]:
    fixed = [
        _data(header.parent_hash),
        _data(header.sha3_uncles),
        _data(header.miner),
        _data(header.state_root),
        _data(header.transactions_root),
        _data(header.receipts_root),
        _data(header.logs_bloom),
        _quantity(header.difficulty),
        _quantity(header.number),
        _quantity(header.gas_limit),
        _quantity(header.gas_used),
        _quantity(header.timestamp),
        _data(header.extra_data),
        _data(header.mix_hash),
        _data(header.nonce),
    ]
    since = [  # EIP-1559, 4895, 4844 (two), 4788, 7685: a header has a prefix of these
        (header.base_fee_per_gas, _quantity),
        (header.withdrawals_root, _data),
        (header.blob_gas_used, _quantity),
        (header.excess_blob_gas, _quantity),
        (header.parent_beacon_block_root, _data),
        (header.requests_hash, _data),
    ]
    return fixed + [encode(value) for value, encode in since if value is not None]


def _rlp(fields: list[bytes]) -> bytes:
    """Of a flat list (yellow paper, appendix B)."""
    body = b"".join(
        field if len(field) == 1 and field[0] < _RLP_STRING else _rlp_length(len(field), _RLP_STRING) + field
        for field in fields
    )
    return _rlp_length(len(body), _RLP_LIST) + body


def _rlp_length(length: int, offset: int) -> bytes:
    if length <= _RLP_SHORT:
        return bytes([offset + length])
    size = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([offset + _RLP_SHORT + len(size)]) + size


def _data(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def _quantity(value: str) -> bytes:
    number = int(value, 16)
    return number.to_bytes((number.bit_length() + 7) // 8)
