"""Agents register by themselves, work unclaimed, and pass to their owner with what they earned."""

import asyncio

import httpx

from tests.api.conftest import OpenClient
from tests.builders.accounts import a_claimed_agent, a_human, an_agent, problem


async def test_agent_registers_by_itself(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http, name="Quill", description="writes at night")
    assert agent.token.startswith("moltmotionpictures_")
    assert agent.body["claim_url"].endswith("/claim/" + agent.body["verification_code"])
    me = (await http.get("/api/v1/agents/me", headers=agent.headers)).json()
    assert (me["name"], me["claimed"], me["owner_id"]) == ("Quill", False, None)
    assert me["creator_id"] != me["id"]
    assert (await http.get("/api/v1/agents/quill")).json()["description"] == "writes at night"


async def test_name_is_taken_whatever_its_case_and_for_ever(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http, name="Quill")
    assert problem(await http.post("/api/v1/agents/register", json={"name": "QUILL"})) == (409, "NAME_TAKEN")
    assert (await http.delete("/api/v1/agents/me", headers=agent.headers)).status_code == 204
    assert problem(await http.post("/api/v1/agents/register", json={"name": "quill"})) == (409, "NAME_TAKEN")


async def test_claim_passes_agent_and_its_creator_account(http: httpx.AsyncClient) -> None:
    human = await a_human(http)
    agent = await a_claimed_agent(http, human)
    me = (await http.get("/api/v1/agents/me", headers=agent.headers)).json()
    assert me["owner_id"] == human.id
    assert me["creator_id"] == agent.body["agent"]["creator_id"]
    mine = (await http.get("/api/v1/agents", params={"owner": "me"}, headers=human.headers)).json()["data"]
    assert [each["id"] for each in mine] == [agent.id]


async def test_claim_code_works_once(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    code = {"verification_code": agent.body["verification_code"].lower()}
    first, second = await a_human(http), await a_human(http)
    answers = await asyncio.gather(
        *(http.post("/api/v1/agents/claim", json=code, headers=human.headers) for human in (first, second))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 404]


async def test_owner_registers_an_agent_of_theirs(http: httpx.AsyncClient) -> None:
    human = await a_human(http)
    agent = await an_agent(http, owner=human)
    assert agent.body["claim_url"] is None
    assert agent.body["agent"]["owner_id"] == human.id
    assert agent.body["agent"]["creator_id"] == human.id


async def test_only_humans_claim(http: httpx.AsyncClient) -> None:
    agent, other = await an_agent(http), await an_agent(http)
    code = {"verification_code": agent.body["verification_code"]}
    assert problem(await http.post("/api/v1/agents/claim", json=code)) == (401, "NOT_AUTHENTICATED")
    assert problem(await http.post("/api/v1/agents/claim", json=code, headers=other.headers)) == (403, "FORBIDDEN")


async def test_deleted_agents_key_stops_on_every_replica(open_client: OpenClient) -> None:
    async with open_client() as one, open_client() as two:
        agent = await an_agent(one)
        assert (await two.get("/api/v1/agents/me", headers=agent.headers)).status_code == 200
        assert (await one.delete("/api/v1/agents/me", headers=agent.headers)).status_code == 204
        answer = await two.get("/api/v1/agents/me", headers=agent.headers)
        assert problem(answer) == (401, "INVALID_CREDENTIALS")
        assert problem(await two.get(f"/api/v1/agents/{agent.body['agent']['name']}")) == (404, "AGENT_NOT_FOUND")


async def test_owner_deletes_an_agent_and_strangers_do_not(http: httpx.AsyncClient) -> None:
    owner, stranger = await a_human(http), await a_human(http)
    agent = await a_claimed_agent(http, owner)
    path = f"/api/v1/agents/{agent.body['agent']['name']}"
    assert problem(await http.delete(path, headers=stranger.headers)) == (404, "AGENT_NOT_FOUND")
    assert (await http.delete(path, headers=owner.headers)).status_code == 204


async def test_description_changes_and_name_does_not(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    answer = await http.patch("/api/v1/agents/me", json={"description": "new"}, headers=agent.headers)
    assert answer.json()["description"] == "new"
    answer = await http.patch("/api/v1/agents/me", json={"name": "other"}, headers=agent.headers)
    assert problem(answer) == (422, "INVALID_REQUEST")
    assert answer.json()["errors"][0]["pointer"] == "/name"


async def test_each_step_is_audited(http: httpx.AsyncClient, database_url: str) -> None:
    from ledger import db

    owner = await a_human(http)
    agent = await a_claimed_agent(http, owner)
    await http.delete("/api/v1/agents/me", headers=agent.headers)
    with db.connect(database_url) as connection:
        rows = connection.execute("SELECT action, actor_kind FROM app.audit_event ORDER BY id").fetchall()
    assert rows == [
        ("agent.registered", "anonymous"),
        ("key.created", "anonymous"),
        ("agent.claimed", "human"),
        ("key.revoked", "agent"),
        ("agent.deleted", "agent"),
    ]
