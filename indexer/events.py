"""Raw log → typed fact, straight from the hex. Proven equal to eth-abi on random logs (tests/indexer/test_events.py).

A log of the splitter that is not in its ABI, or a number that does not fit its column, is an error and stops the
indexer: nothing is skipped and nothing is truncated.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import collapse_if_tuple
from eth_utils.crypto import keccak

from indexer.chain import Log
from ledger import facts
from ledger.models import HOLD_REASONS, RAILS
from ledger.money import MicroUsdc

_BIGINT_END = 2**63
_WORD = 64


class Undecodable(Exception):
    """A log of ours says something that we do not understand. Asking again does not help; a person must look."""


def topic_of(signature: str) -> str:
    """The first topic of an event, 0x-hex."""
    return "0x" + keccak(text=signature).hex()


TRANSFER = topic_of("Transfer(address,address,uint256)")
AUTHORIZATION_USED = topic_of("AuthorizationUsed(address,bytes32)")


class Decoder:
    """Decodes the logs of one deployment."""

    def __init__(self, chain_id: int, splitter_abi: list[dict[str, Any]]) -> None:
        self._chain_id = chain_id
        self._rare = {topic_of(_signature(entry)): entry for entry in splitter_abi if entry["type"] == "event"}

    def splitter(self, log: Log) -> facts.SplitterFact:
        """What the splitter said. Raises Undecodable."""
        try:
            topic = log.topics[0]
            if topic in _SPLITTER_EVENTS:
                return _SPLITTER_EVENTS[topic](self._place(log), log.topics, log.data[2:])
            return self._rare_event(log)
        except (ValueError, IndexError, KeyError, OverflowError, DecodingError) as error:
            raise Undecodable(f"log {log.place} of the splitter in {log.transaction_hash}: {error!r}") from error

    def usdc(self, log: Log, noticed_block_number: int) -> facts.UsdcFact:
        """A Transfer or an AuthorizationUsed. Raises Undecodable for anything else."""
        try:
            topics = log.topics
            if topics[0] == TRANSFER:
                sides = (_address(topics[1]), _address(topics[2]))
                return facts.UsdcTransfer(*self._place(log), *sides, _amount(log.data[2:]), noticed_block_number)
            if topics[0] == AUTHORIZATION_USED:
                return facts.AuthorizationUsed(
                    *self._place(log), _address(topics[1]), _bytes32(topics[2]), noticed_block_number
                )
            raise ValueError(f"unexpected topic {topics[0]}")
        except (ValueError, IndexError) as error:
            raise Undecodable(f"log {log.place} of USDC in {log.transaction_hash}: {error!r}") from error

    def _place(self, log: Log) -> "_Place":
        return self._chain_id, int(log.block_number, 16), int(log.log_index, 16), _bytes32(log.transaction_hash)

    def _rare_event(self, log: Log) -> facts.ContractEvent:
        entry = self._rare[log.topics[0]]
        indexed = [each for each in entry["inputs"] if each["indexed"]]
        plain = [each for each in entry["inputs"] if not each["indexed"]]
        values = decode([each["type"] for each in plain], bytes.fromhex(log.data[2:]))
        arguments = {each["name"]: value for each, value in zip(plain, values, strict=True)}
        for each, topic in zip(indexed, log.topics[1:], strict=True):
            arguments[each["name"]] = decode([each["type"]], bytes.fromhex(topic[2:]))[0]
        in_order = {each["name"]: _for_json(arguments[each["name"]]) for each in entry["inputs"]}
        return facts.ContractEvent(*self._place(log), entry["name"], in_order)


_Place = tuple[int, int, int, bytes]


def _tip_split(place: _Place, topics: list[str], data: str) -> facts.TipSplit:
    agent_id, amount, creator_share, agent_share, creator_wallet, agent_wallet, held_mask, rail = _words(data, 8)
    return facts.TipSplit(
        *place,
        ref=_bytes32(topics[1]),
        creator_id=_bytes32(topics[2]),
        agent_id=bytes.fromhex(agent_id),
        payer=_known_address(topics[3]),
        amount_micro_usdc=_amount(amount),
        creator_share_micro_usdc=_amount(creator_share),
        agent_share_micro_usdc=_amount(agent_share),
        creator_wallet=_known_address(creator_wallet),
        agent_wallet=_known_address(agent_wallet),
        held_mask=int(held_mask, 16),
        rail=RAILS[int(rail, 16)],
    )


def _share_held(place: _Place, topics: list[str], data: str) -> facts.ShareHeld:
    expires_at, amount, reason = _words(data, 3)
    return facts.ShareHeld(
        *place,
        account_id=_bytes32(topics[1]),
        ref=_bytes32(topics[2]),
        expires_at=_time(expires_at),
        amount_micro_usdc=_amount(amount),
        reason=HOLD_REASONS[int(reason, 16)],
    )


def _share_claimed(place: _Place, topics: list[str], data: str) -> facts.ShareClaimed:
    expires_at, amount = _words(data, 2)
    return facts.ShareClaimed(*place, _bytes32(topics[1]), _address(topics[2]), _time(expires_at), _amount(amount))


def _share_swept(place: _Place, topics: list[str], data: str) -> facts.ShareSwept:
    expires_at, amount = _words(data, 2)
    return facts.ShareSwept(*place, _bytes32(topics[1]), _address(topics[2]), _time(expires_at), _amount(amount))


def _wallet_set(place: _Place, topics: list[str], data: str) -> facts.WalletEvent:
    _words(data, 0)
    previous = _known_address(topics[3])
    return facts.WalletEvent(*place, "set", _bytes32(topics[1]), _address(topics[2]), previous, ready_at=None)


def _rotation_started(place: _Place, topics: list[str], data: str) -> facts.WalletEvent:
    (ready_at,) = _words(data, 1)
    old, new = _address(topics[2]), _address(topics[3])
    return facts.WalletEvent(*place, "rotation_started", _bytes32(topics[1]), new, old, _time(ready_at))


def _rotation_cancelled(place: _Place, topics: list[str], data: str) -> facts.WalletEvent:
    _words(data, 0)
    old, new = _address(topics[2]), _address(topics[3])
    return facts.WalletEvent(*place, "rotation_cancelled", _bytes32(topics[1]), new, old, ready_at=None)


def _wallet_revoked(place: _Place, topics: list[str], data: str) -> facts.WalletEvent:
    _words(data, 0)
    wallet = _address(topics[2])
    return facts.WalletEvent(*place, "revoked", _bytes32(topics[1]), wallet, previous_wallet=None, ready_at=None)


def _vault_deployed(place: _Place, topics: list[str], data: str) -> facts.VaultDeployed:
    (agent_id,) = _words(data, 1)
    vault, ref, creator_id = _address(topics[1]), _bytes32(topics[2]), _bytes32(topics[3])
    return facts.VaultDeployed(*place, vault, ref, creator_id, bytes.fromhex(agent_id))


def _vault_flushed(place: _Place, topics: list[str], data: str) -> facts.VaultFlushed:
    amount, nonce = _words(data, 2)
    payer = _known_address(topics[3])
    known_nonce = bytes.fromhex(nonce) if payer else None
    return facts.VaultFlushed(*place, _address(topics[1]), _bytes32(topics[2]), payer, _amount(amount), known_nonce)


_SPLITTER_EVENTS: dict[str, Callable[[_Place, list[str], str], facts.SplitterFact]] = {
    topic_of(signature): decode_event
    for signature, decode_event in (
        (
            "TipSplit(bytes32,bytes32,address,bytes32,uint96,uint96,uint96,address,address,uint8,uint8)",
            _tip_split,
        ),
        ("ShareHeld(bytes32,bytes32,uint64,uint96,uint8)", _share_held),
        ("ShareClaimed(bytes32,address,uint64,uint96)", _share_claimed),
        ("ShareSwept(bytes32,address,uint64,uint96)", _share_swept),
        ("WalletSet(bytes32,address,address)", _wallet_set),
        ("WalletRotationStarted(bytes32,address,address,uint64)", _rotation_started),
        ("WalletRotationCancelled(bytes32,address,address)", _rotation_cancelled),
        ("WalletRevoked(bytes32,address)", _wallet_revoked),
        ("VaultDeployed(address,bytes32,bytes32,bytes32)", _vault_deployed),
        ("VaultFlushed(address,bytes32,address,uint96,bytes32)", _vault_flushed),
    )
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
    return f"{entry['name']}({','.join(collapse_if_tuple(each) for each in entry['inputs'])})"


def _for_json(value: Any) -> str | bool:
    """Integers as decimal strings (JSON numbers lose digits), bytes as 0x-hex, addresses in lower case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return str(value).lower() if isinstance(value, str) else str(value)
