"""What a payer is told when an answer is lost: that it may have been paid, never that it was not."""

import json
from typing import Any, Literal

import httpx
import pytest
from eth_abi.abi import encode

from molt import events, http, tipping, wallet
from molt.chain import Receipt, Rpc, topic
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
    """Its transfer is mined; its flush is refused, by the contract error `refusal`."""

    refusal = "VaultBelowMinimum"

    def send(self, to: str, data: str) -> Receipt:
        if to == self.chain.usdc:
            return Receipt("0x" + "aa" * 32, 7, True, 21_000, ())
        raise ChainRefused("the contract refused", error_name=self.refusal)


def a_vault(balances: list[int]) -> httpx.MockTransport:
    """A chain whose vault holds these amounts at one look after another, and which the platform has flushed at last."""
    shares = ["bytes32", "uint96", "uint96", "uint96", "address", "address", "uint8", "uint8"]
    someone = "0x" + "33" * 20
    split = {
        "address": CHAIN.splitter,
        "topics": [topic(events.TIP_SPLIT), *("0x" + word.hex() for word in (TERMS.ref, TERMS.creator, bytes(32)))],
        "data": "0x" + encode(shares, [TERMS.agent, 250_000, 200_000, 2_500, someone, someone, 0, 4]).hex(),
        "transactionHash": "0x" + "bb" * 32,
        "logIndex": "0x1",
        "blockNumber": "0x8",
    }
    mined = {"transactionHash": "0x" + "bb" * 32, "blockNumber": "0x8", "status": "0x1", "gasUsed": "0x1"}

    def answer(request: httpx.Request) -> httpx.Response:
        match json.loads(request.content)["method"]:
            case "eth_getLogs":
                result: Any = [split]
            case "eth_getTransactionReceipt":
                result = mined | {"logs": [split]}
            case _:
                result = f"0x{balances.pop(0) if len(balances) > 1 else balances[0]:064x}"
        return httpx.Response(200, json={"result": result})

    return httpx.MockTransport(answer)


def by_transfer(payer: tipping.Payer) -> tipping.Paid:
    amount = MicroUsdc(250_000)
    return tipping.pay(payer, Molt("http://x"), rail="transfer", terms=TERMS, amount=amount, say=lambda _said: None)


def test_a_flush_of_the_platforms_that_is_not_mined_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tipping, "_POLL_SECONDS", 0.01)
    full = 10_000_000
    payer = RefusedFlush(wallet.fresh(), Rpc("http://chain", transport=a_vault([full, full, full, full, 0])), CHAIN)
    assert by_transfer(payer).split.creator_share == 200_000


@pytest.mark.parametrize("refusal", ["VaultBelowMinimum", "EnforcedPause"])
def test_a_vault_that_stays_full_is_a_refusal(refusal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tipping, "FLUSH_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(RefusedFlush, "refusal", refusal)
    payer = RefusedFlush(wallet.fresh(), Rpc("http://chain", transport=a_vault([10_000_000])), CHAIN)
    with pytest.raises(ChainRefused):
        by_transfer(payer)
