"""What a payer is told when an answer is lost: that it may have been paid, never that it was not."""

import json
from typing import Literal

import httpx
import pytest

from molt import http, tipping, wallet
from molt.chain import Rpc
from molt.client import Molt
from molt.money import MicroUsdc
from molt.problems import ApiProblem, MoltError, OutcomeUnknown
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
