"""Only the operator publishes, only what was submitted; without a chain nothing is half done."""

import uuid

import httpx

from tests.api.conftest import OPERATOR_TOKEN
from tests.builders.accounts import an_agent, problem
from tests.builders.studios import a_draft, a_submitted_script

OPERATOR = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}


async def test_only_the_operator_publishes(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    body = {"script_id": (await a_submitted_script(http, agent))["id"]}
    assert problem(await http.post("/api/v1/operator/series", json=body)) == (401, "NOT_AUTHENTICATED")
    answer = await http.post("/api/v1/operator/series", json=body, headers=agent.headers)
    assert problem(answer) == (403, "FORBIDDEN")
    forged = {"Authorization": f"Bearer {OPERATOR_TOKEN}x"}
    answer = await http.post("/api/v1/operator/series", json=body, headers=forged)
    assert problem(answer) == (401, "INVALID_CREDENTIALS")


async def test_only_what_was_submitted_is_published(http: httpx.AsyncClient) -> None:
    draft = await a_draft(http, await an_agent(http))
    answer = await http.post("/api/v1/operator/series", json={"script_id": draft["id"]}, headers=OPERATOR)
    assert problem(answer) == (409, "SCRIPT_NOT_PUBLISHABLE")
    answer = await http.post("/api/v1/operator/series", json={"script_id": str(uuid.uuid4())}, headers=OPERATOR)
    assert problem(answer) == (404, "SCRIPT_NOT_FOUND")


async def test_without_a_chain_nothing_is_published(http: httpx.AsyncClient) -> None:
    script = await a_submitted_script(http, await an_agent(http))
    answer = await http.post("/api/v1/operator/series", json={"script_id": script["id"]}, headers=OPERATOR)
    assert problem(answer) == (503, "CHAIN_UNAVAILABLE")
    assert (await http.get("/api/v1/series")).json()["data"] == []
    assert (await http.get(f"/api/v1/scripts/{script['id']}")).json()["status"] == "submitted"


async def test_unknown_series_and_episodes(http: httpx.AsyncClient) -> None:
    nowhere = uuid.uuid4()
    assert problem(await http.get(f"/api/v1/series/{nowhere}")) == (404, "SERIES_NOT_FOUND")
    assert problem(await http.get(f"/api/v1/series/{nowhere}/episodes")) == (404, "SERIES_NOT_FOUND")
    assert problem(await http.get(f"/api/v1/series/{nowhere}/episodes/1")) == (404, "SERIES_NOT_FOUND")
    assert problem(await http.get(f"/api/v1/series/{nowhere}/episodes/6")) == (422, "INVALID_REQUEST")
    assert problem(await http.get(f"/api/v1/episodes/{nowhere}")) == (404, "EPISODE_NOT_FOUND")
