"""What a payer is told when an answer is lost: that it may have been paid, never that it was not."""

import json
from typing import Any, Literal

import httpx
import pytest
from eth_abi.abi import encode

from molt import events, http, tipping, wallet
from molt.chain import Log, Receipt, Rpc, topic
from molt.client import Molt
from molt.money import MicroUsdc
from molt.problems import ApiProblem, ChainRefused, MoltError, OutcomeUnknown
from molt.splitter import Deployment, Terms

CHAIN = Deployment(
    84532, "0x" + "11" * 20, {"name": "USDC", "version": "2"}, "0x" + "22" * 20, {"name": "M", "version": "1"}
)
TERMS = Terms(bytes(31) + b"\1", bytes(31) + b"\2", bytes(31) + b"\3")


def node(request: httpx.Request) -> httpx.Response:
    """A chain where every view answers 10 USDC (or an address)."""
    block = {"number": "0x1", "timestamp": "0x6553f100"}
    answers = {"eth_getBlockByNumber": block, "eth_call": f"0x{10_000_000:064x}"}
    return httpx.Response(200, json={"result": answers[json.loads(request.content)["method"]]})


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_pause", lambda _attempt: 0.0)


@pytest.mark.parametrize("rail", ["authorization", "x402"])
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.ReadTimeout("no answer"), OutcomeUnknown),
        (httpx.Response(504), OutcomeUnknown),
        (httpx.Response(422, json={"code": "TERMS_CHANGED"}), ApiProblem),
    ],
)
def test_lost_answer_to_a_submission_is_an_unknown_outcome(
    rail: Literal["authorization", "x402"], answer: httpx.Response | Exception, told: type[MoltError]
) -> None:
    bodies = []

    def platform(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        if isinstance(answer, Exception):
            raise answer
        return answer

    payer = tipping.Payer(wallet.fresh(), Rpc("http://chain", transport=httpx.MockTransport(node)), CHAIN)
    molt = Molt("http://platform", transport=httpx.MockTransport(platform))
    with pytest.raises(told):
        tipping.pay(payer, molt, rail=rail, terms=TERMS, amount=MicroUsdc(250_000), say=lambda _said: None)
    assert len(set(bodies)) == 1  # the same authorization each time


# --------------------------------------------------------------------------------------------------- who flushes first


class RefusedFlush(tipping.Payer):
    """Its transfer is mined, as log 3 of block 7; its flush is refused."""

    def send(self, to: str, data: str) -> Receipt:
        if to == self.chain.usdc:
            return Receipt("0x" + "aa" * 32, 7, True, 21_000, (Log(to, (), b"", "0x" + "aa" * 32, 3, 7),))
        raise ChainRefused("the contract refused", error_name="VaultBelowMinimum")


def a_vault(*looks: list[tuple[int, int]]) -> httpx.MockTransport:
    """A chain that tells, at one look after another, of flushes of the vault at these blocks and log indices."""
    told = iter(looks)

    def answer(request: httpx.Request) -> httpx.Response:
        question = json.loads(request.content)
        match question["method"]:
            case "eth_getLogs":
                result: Any = [split(*place) for place in next(told, looks[-1])]
            case "eth_getTransactionReceipt":
                block, index = (int(part, 16) for part in question["params"][0][2:].split("f"))
                mined = {"transactionHash": question["params"][0], "blockNumber": hex(block), "status": "0x1"}
                result = mined | {"gasUsed": "0x1", "logs": [split(block, index)]}
            case _:
                result = f"0x{10_000_000:064x}"
        return httpx.Response(200, json={"result": result})

    return httpx.MockTransport(answer)


def split(block: int, index: int) -> dict[str, Any]:
    types = ["bytes32", "uint96", "uint96", "uint96", "address", "address", "uint8", "uint8"]
    someone = "0x" + "33" * 20
    return {
        "address": CHAIN.splitter,
        "topics": [topic(events.TIP_SPLIT), *("0x" + word.hex() for word in (TERMS.ref, TERMS.creator, bytes(32)))],
        "data": "0x" + encode(types, [TERMS.agent, 250_000, 200_000, 2_500, someone, someone, 0, 4]).hex(),
        "transactionHash": f"0x{block}f{index}",
        "logIndex": hex(index),
        "blockNumber": hex(block),
    }


def by_transfer(chain: httpx.MockTransport) -> tipping.Paid:
    payer = RefusedFlush(wallet.fresh(), Rpc("http://chain", transport=chain), CHAIN)
    amount = MicroUsdc(250_000)
    return tipping.pay(payer, Molt("http://x"), rail="transfer", terms=TERMS, amount=amount, say=lambda _said: None)


def test_a_flush_of_the_platforms_that_is_not_mined_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tipping, "_POLL_SECONDS", 0.01)
    assert by_transfer(a_vault([], [], [(8, 1)])).tip_id == "0x8f1-1"


def test_a_flush_before_the_transfer_is_somebody_elses() -> None:
    assert by_transfer(a_vault([(7, 2), (7, 5), (8, 1)])).tip_id == "0x7f5-5"


def test_a_paid_vault_that_nobody_flushes_is_an_unknown_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """The transfer was mined: a refusal would invite to pay again."""
    monkeypatch.setattr(tipping, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(tipping, "FLUSH_TIMEOUT_SECONDS", 0.05)
    with pytest.raises(OutcomeUnknown, match="the contract refused") as unknown:
        by_transfer(a_vault([], [(7, 2)]))
    assert "do not pay again" in str(unknown.value.hint)
