"""The audit trail is appended to, and nothing else; each sees what concerns them."""

import httpx
import psycopg
import pytest

from ledger import db
from tests.builders.accounts import a_claimed_agent, a_human, an_agent, problem


@pytest.mark.parametrize("role", ["molt_api", None])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE app.audit_event SET action = 'a.b'", "DELETE FROM app.audit_event", "TRUNCATE app.audit_event CASCADE"],
)
async def test_nobody_changes_what_stands(
    http: httpx.AsyncClient, database_url: str, role: db.RoleName | None, statement: str
) -> None:
    await an_agent(http)
    with db.connect(database_url, role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)  # type: ignore[call-overload]


async def test_each_sees_what_concerns_them(http: httpx.AsyncClient) -> None:
    owner, stranger = await a_human(http), await a_human(http)
    agent = await a_claimed_agent(http, owner)
    await http.post(f"/api/v1/keys/{agent.body['key']['id']}/rotate", headers=agent.headers)
    seen = (await http.get("/api/v1/audit", headers=owner.headers)).json()["data"]
    assert [event["action"] for event in seen] == ["key.rotated", "agent.claimed", "key.created", "agent.registered"]
    assert seen == (await http.get("/api/v1/audit", headers=agent.headers)).json()["data"]
    assert (await http.get("/api/v1/audit", headers=stranger.headers)).json()["data"] == []
    assert problem(await http.get("/api/v1/audit")) == (401, "NOT_AUTHENTICATED")


async def test_event_names_its_request(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    path = f"/api/v1/keys/{agent.body['key']['id']}/rotate"
    rotated = await http.post(path, headers={**agent.headers, "X-Request-ID": "trace-0001"})
    query = {"action": "key.rotated"}
    headers = {"Authorization": f"Bearer {rotated.json()['api_key']}"}
    [event] = (await http.get("/api/v1/audit", params=query, headers=headers)).json()["data"]
    assert (event["request_id"], event["actor_kind"], event["actor_id"]) == ("trace-0001", "agent", agent.id)
    assert agent.token not in str(event)
