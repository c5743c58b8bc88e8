"""Counted by account after authentication, by address before; bad tokens burn nothing; replicas agree."""

import asyncio

import httpx
import pytest
from pydantic import SecretStr

from api import rate_limits
from api.rate_limits import Limit
from api.settings import ApiSettings
from tests.api.conftest import OpenClient
from tests.builders.accounts import an_agent, problem


async def test_refused_beyond_the_quota_and_told_when(http: httpx.AsyncClient, replica: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    clients = [http, replica, http, replica]
    answers = [await client.post("/api/v1/probe/few", headers=agent.headers) for client in clients]
    assert [answer.status_code for answer in answers] == [204, 204, 204, 429]
    assert problem(answers[-1]) == (429, "RATE_LIMITED")
    headers = answers[-1].headers
    assert headers["ratelimit-policy"] == '"notes";q=3;w=60'
    assert headers["ratelimit"].startswith('"notes";r=0;t=')
    assert 1 <= int(headers["retry-after"]) <= 60
    assert headers["x-ratelimit-remaining"] == "0"


async def test_another_account_has_its_own(http: httpx.AsyncClient) -> None:
    one, two = await an_agent(http), await an_agent(http)
    for _ in range(4):
        last = await http.post("/api/v1/probe/few", headers=one.headers)
    assert last.status_code == 429
    assert (await http.post("/api/v1/probe/few", headers=two.headers)).status_code == 204


async def test_a_storm_gets_no_more_than_the_quota(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    answers = await asyncio.gather(*(http.post("/api/v1/probe/few", headers=agent.headers) for _ in range(15)))
    assert sorted(answer.status_code for answer in answers)[:4] == [204, 204, 204, 429]


async def test_bad_tokens_burn_nothing(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "UNVERIFIED", Limit("unverified", 5, 60, by_ip=True))
    agent = await an_agent(http)
    before = await http.get("/api/v1/agents/me", headers=agent.headers)
    bad = [await http.get("/api/v1/agents/me", headers={"Authorization": "Bearer x"}) for _ in range(7)]
    assert [answer.status_code for answer in bad] == [401] * 5 + [429] * 2
    after = await http.get("/api/v1/agents/me", headers=agent.headers)
    assert after.status_code == 200
    assert int(after.headers["x-ratelimit-remaining"]) == int(before.headers["x-ratelimit-remaining"]) - 1
    assert (await http.get("/api/v1/agents")).status_code == 200  # nor that of those without a token


async def test_registrations_count_by_address(http: httpx.AsyncClient) -> None:
    answers = [await http.post("/api/v1/agents/register", json={"name": f"agent-{n}"}) for n in range(11)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [429]


async def test_requests_pass_while_the_cache_is_down(open_client: OpenClient, api_settings: ApiSettings) -> None:
    api_settings.cache_url = "redis://127.0.0.1:9/0"
    api_settings.operator_token = SecretStr("x" * 20)
    async with open_client() as http:
        assert (await http.get("/api/v1/agents")).status_code == 200
        reasons = (await http.get("/api/v1/health/ready")).json()["reasons"]
    assert "CACHE_UNREACHABLE" in {reason["code"] for reason in reasons}
