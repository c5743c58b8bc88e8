"""Decoding straight from the hex says what eth-abi and web3 say, on any log; what it cannot say stops it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3 import Web3
from web3.contract import Contract

from indexer import events
from indexer.chain import Log
from ledger import deployment, facts
from ledger.models import HOLD_REASONS, RAILS

CHAIN_ID = 84532
_ADDRESS = Web3.to_checksum_address("0x" + "11" * 20)
_DECODER = events.Decoder(CHAIN_ID, deployment.abi("TipSplitter"))
_MAX_TIME = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


def _contract(name: deployment.ContractName) -> Contract:
    return Web3().eth.contract(_ADDRESS, abi=deployment.abi(name))


_SPLITTER, _USDC = _contract("TipSplitter"), _contract("FiatTokenV2_2")
_EVENTS = {entry["name"]: entry for entry in deployment.abi("TipSplitter") if entry["type"] == "event"}
_USDC_EVENTS = {
    entry["name"]: entry
    for entry in deployment.abi("FiatTokenV2_2")
    if entry["type"] == "event" and entry["name"] in ("Transfer", "AuthorizationUsed")
}


def _value(kind: str, name: str) -> st.SearchStrategy[Any]:
    limits = {"rail": len(RAILS) - 1, "reason": len(HOLD_REASONS) - 1, "heldMask": 7}
    limits |= dict.fromkeys(("expiresAt", "readyAt"), _MAX_TIME)
    if kind == "address":
        return st.one_of(st.just(bytes(20)), st.binary(min_size=20, max_size=20)).map(Web3.to_checksum_address)
    if kind == "bytes32":
        return st.binary(min_size=32, max_size=32)
    if kind == "bool":
        return st.booleans()
    bits = int(kind.removeprefix("uint"))
    return st.integers(0, min(limits.get(name, 2**63 - 1), 2**bits - 1))


@st.composite
def _logs(draw: Callable[[st.SearchStrategy[Any]], Any], entries: list[dict[str, Any]]) -> tuple[dict[str, Any], Log]:
    entry = draw(st.sampled_from(entries))
    inputs = entry["inputs"]
    values = {each["name"]: draw(_value(each["type"], each["name"])) for each in inputs}
    signature = f"{entry['name']}({','.join(each['type'] for each in inputs)})"
    indexed = [each for each in inputs if each["indexed"]]
    plain = [each for each in inputs if not each["indexed"]]
    topics = [events.topic_of(signature)]
    topics += ["0x" + encode([each["type"]], [values[each["name"]]]).hex() for each in indexed]
    data = "0x" + encode([each["type"] for each in plain], [values[each["name"]] for each in plain]).hex()
    return entry, _log(topics, data, draw(st.integers(1, 2**40)), draw(st.integers(0, 2**20)))


def _log(topics: list[str], data: str, number: int = 5, index: int = 3) -> Log:
    return Log(_ADDRESS, topics, data, hex(number), "0x" + "22" * 32, "0x" + "33" * 32, hex(index))


def _said_by_web3(contract: Contract, entry: dict[str, Any], log: Log) -> dict[str, Any]:
    receipt_log = {
        "address": log.address,
        "topics": [bytes.fromhex(topic[2:]) for topic in log.topics],
        "data": bytes.fromhex(log.data[2:]),
        "blockNumber": int(log.block_number, 16),
        "blockHash": log.block_hash,
        "transactionHash": bytes.fromhex(log.transaction_hash[2:]),
        "transactionIndex": 0,
        "logIndex": int(log.log_index, 16),
    }
    return dict(contract.events[entry["name"]]().process_log(receipt_log)["args"])


def _known(address: str) -> bytes | None:
    return bytes.fromhex(address[2:]) if int(address, 16) else None


def _raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def _at(timestamp: int) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


# What each event means, said once more, independently, over web3's arguments.
_MEANINGS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "TipSplit": lambda a: {
        "ref": a["ref"],
        "creator_id": a["creatorId"],
        "agent_id": a["agentId"],
        "payer": _known(a["payer"]),
        "amount_micro_usdc": a["amount"],
        "creator_share_micro_usdc": a["creatorShare"],
        "agent_share_micro_usdc": a["agentShare"],
        "creator_wallet": _known(a["creatorWallet"]),
        "agent_wallet": _known(a["agentWallet"]),
        "held_mask": a["heldMask"],
        "rail": ("approve", "permit", "authorization", "x402", "flush")[a["rail"]],
    },
    "ShareHeld": lambda a: {
        "account_id": a["accountId"],
        "ref": a["ref"],
        "expires_at": _at(a["expiresAt"]),
        "amount_micro_usdc": a["amount"],
        "reason": ("no_wallet", "blacklisted")[a["reason"]],
    },
    "ShareClaimed": lambda a: {
        "account_id": a["accountId"],
        "wallet": _raw(a["wallet"]),
        "expires_at": _at(a["expiresAt"]),
        "amount_micro_usdc": a["amount"],
    },
    "ShareSwept": lambda a: {
        "account_id": a["accountId"],
        "treasury": _raw(a["treasury"]),
        "expires_at": _at(a["expiresAt"]),
        "amount_micro_usdc": a["amount"],
    },
    "WalletSet": lambda a: {
        "kind": "set",
        "account_id": a["accountId"],
        "wallet": _raw(a["wallet"]),
        "previous_wallet": _known(a["previous"]),
        "ready_at": None,
    },
    "WalletRotationStarted": lambda a: {
        "kind": "rotation_started",
        "account_id": a["accountId"],
        "wallet": _raw(a["newWallet"]),
        "previous_wallet": _raw(a["oldWallet"]),
        "ready_at": _at(a["readyAt"]),
    },
    "WalletRotationCancelled": lambda a: {
        "kind": "rotation_cancelled",
        "account_id": a["accountId"],
        "wallet": _raw(a["newWallet"]),
        "previous_wallet": _raw(a["oldWallet"]),
        "ready_at": None,
    },
    "WalletRevoked": lambda a: {
        "kind": "revoked",
        "account_id": a["accountId"],
        "wallet": _raw(a["wallet"]),
        "previous_wallet": None,
        "ready_at": None,
    },
    "VaultDeployed": lambda a: {
        "vault": _raw(a["vault"]),
        "ref": a["ref"],
        "creator_id": a["creatorId"],
        "agent_id": a["agentId"],
    },
    "VaultFlushed": lambda a: {
        "vault": _raw(a["vault"]),
        "ref": a["ref"],
        "payer": _known(a["payer"]),
        "amount_micro_usdc": a["amount"],
        "nonce": a["nonce"] if _known(a["payer"]) else None,
    },
    "Transfer": lambda a: {
        "from_address": _raw(a["from"]),
        "to_address": _raw(a["to"]),
        "amount_micro_usdc": a["value"],
        "noticed_block_number": 7,
    },
    "AuthorizationUsed": lambda a: {
        "authorizer": _raw(a["authorizer"]),
        "nonce": a["nonce"],
        "noticed_block_number": 7,
    },
}


def _place(log: Log) -> dict[str, Any]:
    return {
        "chain_id": CHAIN_ID,
        "block_number": int(log.block_number, 16),
        "log_index": int(log.log_index, 16),
        "tx_hash": bytes.fromhex(log.transaction_hash[2:]),
    }


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_logs([_EVENTS[name] for name in _MEANINGS if name in _EVENTS]))
def test_splitter_events_are_what_web3_reads(drawn: tuple[dict[str, Any], Log]) -> None:
    entry, log = drawn
    expected = _place(log) | _MEANINGS[entry["name"]](_said_by_web3(_SPLITTER, entry, log))
    assert _DECODER.splitter(log)._asdict() == expected


@settings(max_examples=200, deadline=None)
@given(_logs(list(_USDC_EVENTS.values())))
def test_usdc_events_are_what_web3_reads(drawn: tuple[dict[str, Any], Log]) -> None:
    entry, log = drawn
    expected = _place(log) | _MEANINGS[entry["name"]](_said_by_web3(_USDC, entry, log))
    assert _DECODER.usdc(log, noticed_block_number=7)._asdict() == expected


@settings(max_examples=200, deadline=None)
@given(_logs([entry for name, entry in _EVENTS.items() if name not in _MEANINGS]))
def test_rare_events_keep_every_argument(drawn: tuple[dict[str, Any], Log]) -> None:
    entry, log = drawn
    fact = _DECODER.splitter(log)
    said = _said_by_web3(_SPLITTER, entry, log)
    assert isinstance(fact, facts.ContractEvent)
    assert fact.name == entry["name"]
    assert list(fact.args) == [each["name"] for each in entry["inputs"]]
    for name, value in said.items():
        expected = {bool: lambda v: v, bytes: lambda v: "0x" + v.hex(), str: str.lower}.get(type(value), str)(value)
        assert fact.args[name] == expected


def test_every_event_of_the_contract_is_understood() -> None:
    specific = {name for name in _MEANINGS if name in _EVENTS}
    topics = {events.topic_of(f"{n}({','.join(i['type'] for i in _EVENTS[n]['inputs'])})") for n in specific}
    assert topics == set(events._SPLITTER_EVENTS)


def test_unknown_event_stops() -> None:
    with pytest.raises(events.Undecodable):
        _DECODER.splitter(_log(["0x" + "ab" * 32], "0x"))


def test_too_short_data_stops() -> None:
    topic = events.topic_of("ShareClaimed(bytes32,address,uint64,uint96)")
    with pytest.raises(events.Undecodable):
        _DECODER.splitter(_log([topic, "0x" + "01" * 32, "0x" + "00" * 32], "0x" + "00" * 32))


def test_what_does_not_fit_the_ledger_is_refused_not_truncated() -> None:
    amount = "0x" + (2**63).to_bytes(32).hex()
    with pytest.raises(events.Undecodable, match="do not fit"):
        _DECODER.usdc(_log([events.TRANSFER, "0x" + "00" * 32, "0x" + "00" * 32], amount), 1)
