"""Raw log → typed fact, straight from the hex. Proven equal to eth-abi on random logs (tests/indexer/test_events.py).
The hot path does not make facts: see `rows`.

A log of the splitter that is not in its ABI, or a number that does not fit its column, is an error and stops the
indexer: nothing is skipped and nothing is truncated.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from indexer import topics
from indexer.chain import Log
from indexer.topics import topic_of
from ledger import facts
from ledger.facts import HOLD_REASONS, RAILS
from ledger.money import MicroUsdc

_BIGINT_END = 2**63
_WORD = 64


class Undecodable(Exception):
    """A log of ours says something that we do not understand. Asking again does not help; a person must look."""


class Decoder:
    """Decodes the logs of one deployment."""

    def __init__(self, chain_id: int, splitter_abi: list[dict[str, Any]]) -> None:
        self.chain_id = chain_id
        self._rare = {topic_of(_signature(entry)): entry for entry in splitter_abi if entry["type"] == "event"}

    def splitter(self, log: Log) -> facts.SplitterFact:
        """What the splitter said. Raises Undecodable."""
        try:
            topic = log.topics[0]
            if topic in _SPLITTER_EVENTS:
                return _SPLITTER_EVENTS[topic](self._place(log), log.topics, log.data[2:])
            return self._rare_event(log)
        except (ValueError, IndexError, KeyError, OverflowError) as error:
            raise Undecodable(f"log {log.place} of the splitter in {log.transaction_hash}: {error!r}") from error

    def usdc(self, log: Log, noticed_block_number: int) -> facts.UsdcFact:
        """A Transfer or an AuthorizationUsed. Raises Undecodable for anything else."""
        try:
            topic, *indexed = log.topics
            if topic == topics.TRANSFER:
                sides = (_address(indexed[0]), _address(indexed[1]))
                return facts.UsdcTransfer(*self._place(log), *sides, _amount(log.data[2:]), noticed_block_number)
            if topic == topics.AUTHORIZATION_USED:
                _words(log.data[2:], 0)
                who, nonce = _address(indexed[0]), _bytes32(indexed[1])
                return facts.AuthorizationUsed(*self._place(log), who, nonce, noticed_block_number)
            raise ValueError(f"unexpected topic {topic}")
        except (ValueError, IndexError) as error:
            raise Undecodable(f"log {log.place} of USDC in {log.transaction_hash}: {error!r}") from error

    def _place(self, log: Log) -> "_Place":
        return self.chain_id, int(log.block_number, 16), int(log.log_index, 16), _bytes32(log.transaction_hash)

    def _rare_event(self, log: Log) -> facts.ContractEvent:
        entry = self._rare[log.topics[0]]
        indexed = [each for each in entry["inputs"] if each["indexed"]]
        plain = [each for each in entry["inputs"] if not each["indexed"]]
        said = dict(zip([each["name"] for each in plain], _words(log.data[2:], len(plain)), strict=True))
        said |= zip([each["name"] for each in indexed], _words(_joined(log.topics[1:]), len(indexed)), strict=True)
        in_order = {each["name"]: _argument(each["type"], said[each["name"]]) for each in entry["inputs"]}
        return facts.ContractEvent(*self._place(log), entry["name"], in_order)


_Place = tuple[int, int, int, bytes]


def _tip_split(place: _Place, indexed: list[str], data: str) -> facts.TipSplit:
    agent_id, amount, creator_share, agent_share, creator_wallet, agent_wallet, held_mask, rail = _words(data, 8)
    return facts.TipSplit(
        *place,
        ref=_bytes32(indexed[1]),
        creator_id=_bytes32(indexed[2]),
        agent_id=bytes.fromhex(agent_id),
        payer=_known_address(indexed[3]),
        amount_micro_usdc=_amount(amount),
        creator_share_micro_usdc=_amount(creator_share),
        agent_share_micro_usdc=_amount(agent_share),
        creator_wallet=_known_address(creator_wallet),
        agent_wallet=_known_address(agent_wallet),
        held_mask=int(held_mask, 16),
        rail=RAILS[int(rail, 16)],
    )


def _share_held(place: _Place, indexed: list[str], data: str) -> facts.ShareHeld:
    expires_at, amount, reason = _words(data, 3)
    return facts.ShareHeld(
        *place,
        account_id=_bytes32(indexed[1]),
        ref=_bytes32(indexed[2]),
        expires_at=_time(expires_at),
        amount_micro_usdc=_amount(amount),
        reason=HOLD_REASONS[int(reason, 16)],
    )


def _share_claimed(place: _Place, indexed: list[str], data: str) -> facts.ShareClaimed:
    expires_at, amount = _words(data, 2)
    return facts.ShareClaimed(*place, _bytes32(indexed[1]), _address(indexed[2]), _time(expires_at), _amount(amount))


def _share_swept(place: _Place, indexed: list[str], data: str) -> facts.ShareSwept:
    expires_at, amount = _words(data, 2)
    return facts.ShareSwept(*place, _bytes32(indexed[1]), _address(indexed[2]), _time(expires_at), _amount(amount))


def _wallet_set(place: _Place, indexed: list[str], data: str) -> facts.WalletEvent:
    _words(data, 0)
    previous = _known_address(indexed[3])
    return facts.WalletEvent(*place, "set", _bytes32(indexed[1]), _address(indexed[2]), previous, ready_at=None)


def _rotation_started(place: _Place, indexed: list[str], data: str) -> facts.WalletEvent:
    (ready_at,) = _words(data, 1)
    old, new = _address(indexed[2]), _address(indexed[3])
    return facts.WalletEvent(*place, "rotation_started", _bytes32(indexed[1]), new, old, _time(ready_at))


def _rotation_cancelled(place: _Place, indexed: list[str], data: str) -> facts.WalletEvent:
    _words(data, 0)
    old, new = _address(indexed[2]), _address(indexed[3])
    return facts.WalletEvent(*place, "rotation_cancelled", _bytes32(indexed[1]), new, old, ready_at=None)


def _wallet_revoked(place: _Place, indexed: list[str], data: str) -> facts.WalletEvent:
    _words(data, 0)
    wallet = _address(indexed[2])
    return facts.WalletEvent(*place, "revoked", _bytes32(indexed[1]), wallet, previous_wallet=None, ready_at=None)


def _vault_deployed(place: _Place, indexed: list[str], data: str) -> facts.VaultDeployed:
    (agent_id,) = _words(data, 1)
    vault, ref, creator_id = _address(indexed[1]), _bytes32(indexed[2]), _bytes32(indexed[3])
    return facts.VaultDeployed(*place, vault, ref, creator_id, bytes.fromhex(agent_id))


def _vault_flushed(place: _Place, indexed: list[str], data: str) -> facts.VaultFlushed:
    amount, nonce = _words(data, 2)
    payer = _known_address(indexed[3])
    known_nonce = bytes.fromhex(nonce) if payer else None
    return facts.VaultFlushed(*place, _address(indexed[1]), _bytes32(indexed[2]), payer, _amount(amount), known_nonce)


_SPLITTER_EVENTS: dict[str, Callable[[_Place, list[str], str], facts.SplitterFact]] = {
    topics.TIP_SPLIT: _tip_split,
    topics.SHARE_HELD: _share_held,
    topics.SHARE_CLAIMED: _share_claimed,
    topics.SHARE_SWEPT: _share_swept,
    topics.WALLET_SET: _wallet_set,
    topics.WALLET_ROTATION_STARTED: _rotation_started,
    topics.WALLET_ROTATION_CANCELLED: _rotation_cancelled,
    topics.WALLET_REVOKED: _wallet_revoked,
    topics.VAULT_DEPLOYED: _vault_deployed,
    topics.VAULT_FLUSHED: _vault_flushed,
}


def _words(data: str, count: int) -> list[str]:
    if len(data) != count * _WORD:
        raise ValueError(f"{len(data) // 2} bytes of data where {count} words belong")
    return [data[start : start + _WORD] for start in range(0, len(data), _WORD)]


def _bytes32(topic: str) -> bytes:
    return bytes.fromhex(topic[2:])


def _address(word: str) -> bytes:
    """The last 20 bytes of a word, with or without 0x."""
    return bytes.fromhex(word[-40:])


def _known_address(word: str) -> bytes | None:
    """None for the zero address: the contract's way to say that there is none."""
    address = _address(word)
    return address if any(address) else None


def _amount(word: str) -> MicroUsdc:
    value = int(word, 16)
    if value >= _BIGINT_END:
        raise ValueError(f"{value} micro-USDC do not fit the ledger")
    return MicroUsdc(value)


def _time(word: str) -> datetime:
    return datetime.fromtimestamp(int(word, 16), UTC)


def _signature(entry: dict[str, Any]) -> str:
    return f"{entry['name']}({','.join(each['type'] for each in entry['inputs'])})"


def _joined(topics_: Iterable[str]) -> str:
    return "".join(topic[2:] for topic in topics_)


def _argument(kind: str, word: str) -> str:
    """A word as JSON has it: integers as decimal strings (JSON numbers lose digits), all else as 0x-hex in lower case.

    Raises ValueError for types that no event of the splitter has, and for what does not fit the type."""
    if kind == "bytes32":
        return "0x" + bytes.fromhex(word).hex()
    bits, value = 160 if kind == "address" else int(kind.removeprefix("uint")), int(word, 16)
    if value >> bits:
        raise ValueError(f"{word} is no {kind}")
    return f"0x{value:040x}" if kind == "address" else str(value)
