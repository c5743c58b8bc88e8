"""Random logs of the contract and of USDC, encoded by eth-abi."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from eth_abi.abi import encode
from hypothesis import strategies as st
from web3 import Web3
from web3.contract import Contract

from indexer import topics
from indexer.chain import Log
from ledger import deployment
from ledger.facts import HOLD_REASONS, RAILS

CHAIN_ID = 84532
ADDRESS = Web3.to_checksum_address("0x" + "11" * 20)
_MAX_TIME = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


def _contract(name: deployment.ContractName) -> Contract:
    return Web3().eth.contract(ADDRESS, abi=deployment.abi(name))


SPLITTER, USDC = _contract("TipSplitter"), _contract("FiatTokenV2_2")
EVENTS = {entry["name"]: entry for entry in deployment.abi("TipSplitter") if entry["type"] == "event"}
USDC_EVENTS = {
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
def logs(draw: Callable[[st.SearchStrategy[Any]], Any], entries: list[dict[str, Any]]) -> tuple[dict[str, Any], Log]:
    entry = draw(st.sampled_from(entries))
    inputs = entry["inputs"]
    values = {each["name"]: draw(_value(each["type"], each["name"])) for each in inputs}
    signature = f"{entry['name']}({','.join(each['type'] for each in inputs)})"
    indexed = [each for each in inputs if each["indexed"]]
    plain = [each for each in inputs if not each["indexed"]]
    found = [topics.topic_of(signature)]
    found += ["0x" + encode([each["type"]], [values[each["name"]]]).hex() for each in indexed]
    data = "0x" + encode([each["type"] for each in plain], [values[each["name"]] for each in plain]).hex()
    return entry, log_of(found, data, draw(st.integers(1, 2**40)), draw(st.integers(0, 2**20)))


def log_of(topics: list[str], data: str, number: int = 5, index: int = 3) -> Log:
    return Log(ADDRESS, topics, data, hex(number), "0x" + "22" * 32, "0x" + "33" * 32, hex(index))
