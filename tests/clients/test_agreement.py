"""What the client believes of API and contracts, against what they publish: openapi.json and contracts/abi."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, is_typeddict

import httpx
import pytest
from eth_utils.abi import event_abi_to_log_topic, function_abi_to_4byte_selector
from eth_utils.crypto import keccak

from molt import chain, events, shapes, splitter, typed_data
from molt.client import Molt

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = json.loads((ROOT / "openapi.json").read_text())
SPLITTER = json.loads((ROOT / "contracts/abi/TipSplitter.json").read_text())
USDC = json.loads((ROOT / "contracts/abi/FiatTokenV2_2.json").read_text())

NOT_SCHEMAS = {"Readiness", "Reason"}  # one of them for 200, the other for 503
SHAPES = {name: shape for name, shape in vars(shapes).items() if is_typeddict(shape) and name not in NOT_SCHEMAS}
OTHER_NAMES = {"Series": "SeriesWithEpisodes", "QuoteProblem": "TipProblem"}
TERMS = splitter.Terms(b"\x01" * 32, b"\x02" * 32, b"\x03" * 32)
ADDRESS = "0x" + "11" * 20
CHAIN = splitter.Deployment(84532, ADDRESS, {"name": "USDC", "version": "2"}, ADDRESS, {})
AUTHORIZATION = typed_data.transfer_authorization(
    CHAIN, payer=ADDRESS, vault=ADDRESS, amount=1, valid_before=1, nonce=b"\x01" * 32
)
ARGUMENTS: dict[str, Any] = {
    "terms": TERMS,
    "typed": AUTHORIZATION,
    "signature": b"\x01" * 65,
    "rail": "x402",
    "chain_id": 84532,
    "number": 1,
    "amount_micro_usdc": 250_000,
}
NOT_OPERATIONS = {"close", "deployment"}  # `deployment` is `chain`, read by a wallet


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_only_what_the_api_gives(name: str) -> None:
    schema = OPENAPI["components"]["schemas"][OTHER_NAMES.get(name, name)]
    assert set(SHAPES[name].__annotations__) <= set(schema["properties"])


def operations() -> Iterator[str]:
    for name, method in inspect.getmembers(Molt, inspect.isfunction):
        if not name.startswith("_") and name not in NOT_OPERATIONS:
            assert method.__annotations__["return"] is not inspect.Signature.empty
            yield name


@pytest.mark.parametrize("name", list(operations()))
def test_a_method_asks_for_something_that_is_there(name: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"data": [], "next_cursor": None})

    molt = Molt("http://platform", "token", transport=httpx.MockTransport(answer))
    method = getattr(molt, name)
    needed = [p for p in inspect.signature(method).parameters.values() if p.default is inspect.Parameter.empty]
    result = method(**{p.name: ARGUMENTS.get(p.name, "x") for p in needed})
    if inspect.isgenerator(result):
        assert list(result) == []
    (request,) = asked
    operation = operation_at(request.method, request.url.path)
    known = {parameter["name"] for parameter in operation.get("parameters", [])}
    assert set(request.url.params) <= known
    if request.content:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert set(json.loads(request.content)) <= set(properties(schema))


def operation_at(method: str, path: str) -> Any:
    """The operation that serves it; a path without parameters goes before one with."""
    for template in sorted(OPENAPI["paths"], key=lambda each: each.count("{")):
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) and method.lower() in OPENAPI["paths"][template]:
            return OPENAPI["paths"][template][method.lower()]
    pytest.fail(f"{method} {path} is not in openapi.json")


def properties(schema: Any) -> dict[str, Any]:
    if "$ref" in schema:
        return properties(OPENAPI["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return {name: found for each in schema["anyOf"] for name, found in properties(each).items()}
    return dict(schema.get("properties", {}))


def selectors(abi: Any) -> set[str]:
    return {"0x" + function_abi_to_4byte_selector(each).hex() for each in abi if each["type"] == "function"}


@pytest.mark.parametrize(
    "data",
    [
        splitter.tip_call(TERMS, 1),
        splitter.tip_with_permit_call(TERMS, 1, 1, b""),
        splitter.flush_call(TERMS),
        splitter.sweep_call(TERMS.creator, [1]),
        *(chain.calldata(view) for view in ("USDC()", "paused()")),
        chain.calldata("vaultOf(bytes32,bytes32,bytes32)", TERMS.creator, TERMS.agent, TERMS.ref),
        chain.calldata("walletOf(bytes32)", TERMS.creator),
        chain.calldata("held(bytes32,uint64)", TERMS.creator, 1),
    ],
)
def test_a_call_is_one_of_the_splitters(data: str) -> None:
    assert data[:10] in selectors(SPLITTER)


@pytest.mark.parametrize(
    "data",
    [
        splitter.approve_call(ADDRESS, 1),
        splitter.transfer_call(ADDRESS, 1),
        chain.calldata("balanceOf(address)", ADDRESS),
        chain.calldata("allowance(address,address)", ADDRESS, ADDRESS),
        chain.calldata("nonces(address)", ADDRESS),
        chain.calldata("DOMAIN_SEPARATOR()"),
        chain.calldata("blacklist(address)", ADDRESS),
        chain.calldata("unBlacklist(address)", ADDRESS),
    ],
)
def test_a_call_is_one_of_usdcs(data: str) -> None:
    assert data[:10] in selectors(USDC)


def test_the_events_are_the_splitters() -> None:
    topics = {"0x" + event_abi_to_log_topic(each).hex() for each in SPLITTER if each["type"] == "event"}
    for signature in (events.TIP_SPLIT, events.SHARE_HELD, events.VAULT_FLUSHED):
        assert chain.topic(signature) in topics


def test_the_errors_are_the_splitters_all_of_those_that_a_payer_can_meet() -> None:
    declared = {
        keccak(text=f"{each['name']}({','.join(i['type'] for i in each['inputs'])})")[:4]
        for each in SPLITTER
        if each["type"] == "error"
    }
    assert set(splitter.ERROR_NAMES) <= declared
