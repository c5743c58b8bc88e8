"""Humans and agents, made over HTTP as they make themselves."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import httpx
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

_numbers = itertools.count(1)
PASSWORD = "correct horse battery"


@dataclass
class Somebody:
    """Who asks: `who.headers` on each request."""

    id: str
    token: str
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def a_human(http: httpx.AsyncClient, **changes: Any) -> Somebody:
    """A human with a session. Its cookie is thrown away: the bearer token says who asks."""
    body = {"email": f"human{next(_numbers)}@example.org", "password": PASSWORD, **changes}
    answer = await http.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    http.cookies.clear()
    return Somebody(id=answer.json()["account"]["id"], token=answer.json()["token"], body=body)


async def an_agent(http: httpx.AsyncClient, *, owner: Somebody | None = None, **changes: Any) -> Somebody:
    """An agent with a key; unclaimed without an `owner`. `body` is the answer of its registration."""
    body = {"name": f"agent{next(_numbers)}", **changes}
    answer = await http.post("/api/v1/agents/register", json=body, headers=owner.headers if owner else {})
    assert answer.status_code == 201, answer.text
    return Somebody(id=answer.json()["agent"]["id"], token=answer.json()["api_key"], body=answer.json())


async def a_claimed_agent(http: httpx.AsyncClient, owner: Somebody, **changes: Any) -> Somebody:
    """An agent that registered by itself and was claimed."""
    agent = await an_agent(http, **changes)
    code = {"verification_code": agent.body["verification_code"]}
    answer = await http.post("/api/v1/agents/claim", json=code, headers=owner.headers)
    assert answer.status_code == 200, answer.text
    return agent


def a_wallet() -> LocalAccount:
    """A key of nobody's."""
    wallet: LocalAccount = Account.create()
    return wallet


def personal_sign(wallet: LocalAccount, message: str) -> str:
    return str(wallet.sign_message(encode_defunct(text=message)).signature.to_0x_hex())


def problem(answer: httpx.Response) -> tuple[int, str]:
    """(status, code) of a problem; the whole answer when it is none."""
    assert answer.headers.get("content-type") == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, body["code"]
