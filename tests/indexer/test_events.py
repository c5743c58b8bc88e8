"""Decoding straight from the hex says what eth-abi and web3 say, on any log; what it cannot say stops it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from web3.contract import Contract

from indexer import events
from indexer.chain import Log
from indexer.topics import TRANSFER, topic_of
from ledger import deployment, facts
from tests.indexer.logs import CHAIN_ID, EVENTS, SPLITTER, USDC, USDC_EVENTS, log_of, logs

_DECODER = events.Decoder(CHAIN_ID, deployment.abi("TipSplitter"))


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
@given(logs([EVENTS[name] for name in _MEANINGS if name in EVENTS]))
def test_splitter_events_are_what_web3_reads(drawn: tuple[dict[str, Any], Log]) -> None:
    entry, log = drawn
    expected = _place(log) | _MEANINGS[entry["name"]](_said_by_web3(SPLITTER, entry, log))
    assert _DECODER.splitter(log)._asdict() == expected


@settings(max_examples=200, deadline=None)
@given(logs(list(USDC_EVENTS.values())))
def test_usdc_events_are_what_web3_reads(drawn: tuple[dict[str, Any], Log]) -> None:
    entry, log = drawn
    expected = _place(log) | _MEANINGS[entry["name"]](_said_by_web3(USDC, entry, log))
    assert _DECODER.usdc(log, noticed_block_number=7)._asdict() == expected


@settings(max_examples=200, deadline=None)
@given(logs([entry for name, entry in EVENTS.items() if name not in _MEANINGS]))
def test_rare_events_keep_every_argument(drawn: tuple[dict[str, Any], Log]) -> None:
    entry, log = drawn
    fact = _DECODER.splitter(log)
    said = _said_by_web3(SPLITTER, entry, log)
    assert isinstance(fact, facts.ContractEvent)
    assert fact.name == entry["name"]
    assert list(fact.args) == [each["name"] for each in entry["inputs"]]
    for name, value in said.items():
        expected = {bool: lambda v: v, bytes: lambda v: "0x" + v.hex(), str: str.lower}.get(type(value), str)(value)
        assert fact.args[name] == expected


def test_every_event_of_the_contract_is_understood() -> None:
    specific = {name for name in _MEANINGS if name in EVENTS}
    known = {topic_of(f"{n}({','.join(i['type'] for i in EVENTS[n]['inputs'])})") for n in specific}
    assert known == set(events._SPLITTER_EVENTS)


def test_unknown_event_stops() -> None:
    with pytest.raises(events.Undecodable):
        _DECODER.splitter(log_of(["0x" + "ab" * 32], "0x"))


def test_too_short_data_stops() -> None:
    topic = topic_of("ShareClaimed(bytes32,address,uint64,uint96)")
    with pytest.raises(events.Undecodable):
        _DECODER.splitter(log_of([topic, "0x" + "01" * 32, "0x" + "00" * 32], "0x" + "00" * 32))


def test_what_does_not_fit_the_ledger_is_refused_not_truncated() -> None:
    amount = "0x" + (2**63).to_bytes(32).hex()
    with pytest.raises(events.Undecodable, match="do not fit"):
        _DECODER.usdc(log_of([TRANSFER, "0x" + "00" * 32, "0x" + "00" * 32], amount), 1)


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        (["Paused(address)"], "0x" + "01" * 32),  # wider than an address
        (["MinTipSet(uint64)"], "0x" + "01" * 32),
        (["MinTipSet(uint64)"], "0x"),
        (["TreasuryProposed(address)"], "0x"),  # its topic is missing
        (["TreasuryProposed(address)"], "0x" + "00" * 32),
    ],
)
def test_a_rare_event_that_is_not_as_its_abi_says_stops(topics: list[str], data: str) -> None:
    with pytest.raises(events.Undecodable):
        _DECODER.splitter(log_of([topic_of(each) for each in topics], data))
