"""API keys: recognisable, expiring, scoped, rotated with an overlap, stopped at once."""

import asyncio
import re

import httpx
import pytest

from api.accounts import secrets
from ledger import db
from tests.api.conftest import OpenClient
from tests.builders.accounts import Somebody, a_claimed_agent, a_human, an_agent, problem


def test_key_has_the_documented_form() -> None:
    key = str(secrets.new_key())
    assert re.fullmatch(r"moltmotionpictures_[0-9A-Za-z]{46}", key)
    parsed = secrets.parse_key(key)
    assert parsed is not None
    assert str(parsed) == key
    assert parsed.secret not in repr(parsed)


@pytest.mark.parametrize("position", [19, 26, 27, 40, 58, 59, 64])
def test_any_typo_is_seen_without_a_query(position: int) -> None:
    key = str(secrets.new_key())
    wrong = "a" if key[position] != "a" else "b"
    assert secrets.parse_key(key[:position] + wrong + key[position + 1 :]) is None


async def is_valid(http: httpx.AsyncClient, key: str) -> bool:
    return (await http.get("/api/v1/keys/validate", headers={"Authorization": f"Bearer {key}"})).status_code == 200


async def test_key_is_stored_only_as_digest(http: httpx.AsyncClient, database_url: str) -> None:
    agent = await an_agent(http)
    secret = secrets.parse_key(agent.token).secret  # type: ignore[union-attr]
    with db.connect(database_url) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema = 'app'"
            )
        ]
        for table in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()
            assert secret not in str(rows), table
            assert secret.encode().hex() not in str(rows), table


async def test_five_live_keys_at_most_even_at_once(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    answers = await asyncio.gather(*(http.post("/api/v1/keys", json={}, headers=agent.headers) for _ in range(7)))
    assert sorted(answer.status_code for answer in answers) == [201] * 4 + [409] * 3
    assert {problem(answer) for answer in answers if answer.status_code == 409} == {(409, "KEY_LIMIT_REACHED")}


async def test_rotation_overlaps_by_default(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    old = agent.body["key"]
    answer = await http.post(f"/api/v1/keys/{old['id']}/rotate", headers=agent.headers)
    assert answer.status_code == 201
    assert answer.json()["key"]["rotated_from"] == old["id"]
    assert await is_valid(http, agent.token)
    assert await is_valid(http, answer.json()["api_key"])
    listed = (await http.get("/api/v1/keys", headers=agent.headers)).json()["data"]
    assert listed[1]["expires_at"] < old["expires_at"]  # a day from now, not ninety


async def test_rotation_without_overlap_stops_the_old_key_on_every_replica(open_client: OpenClient) -> None:
    async with open_client() as one, open_client() as two:
        agent = await an_agent(one)
        path = f"/api/v1/keys/{agent.body['key']['id']}/rotate"
        answer = await one.post(path, json={"overlap_hours": 0}, headers=agent.headers)
        assert answer.status_code == 201
        refused = await two.get("/api/v1/keys/validate", headers=agent.headers)
        assert problem(refused) == (401, "API_KEY_REVOKED")
        assert await is_valid(two, answer.json()["api_key"])


async def test_expired_key_says_so(http: httpx.AsyncClient, database_url: str) -> None:
    agent = await an_agent(http)
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE app.api_key SET created_at = now() - interval '91 days', expires_at = now()")
    answer = await http.get("/api/v1/agents/me", headers=agent.headers)
    assert problem(answer) == (401, "API_KEY_EXPIRED")


async def test_revoked_key_says_so_and_changes_nothing(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    key_id = agent.body["key"]["id"]
    assert (await http.delete(f"/api/v1/keys/{key_id}", headers=agent.headers)).status_code == 204
    answer = await http.patch("/api/v1/agents/me", json={"description": "late"}, headers=agent.headers)
    assert problem(answer) == (401, "API_KEY_REVOKED")
    assert (await http.get(f"/api/v1/agents/{agent.body['agent']['name']}")).json()["description"] == ""


async def test_wrong_secret_with_a_right_public_id_is_refused(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    parsed = secrets.parse_key(agent.token)
    assert parsed is not None
    forged = secrets.ApiKey(public_id=parsed.public_id, secret=secrets.new_key().secret)
    answer = await http.get("/api/v1/agents/me", headers={"Authorization": f"Bearer {forged}"})
    assert problem(answer) == (401, "INVALID_CREDENTIALS")


async def test_scopes_bind_and_cannot_grow(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    narrow = (await http.post("/api/v1/keys", json={"scopes": ["keys:write"]}, headers=agent.headers)).json()
    headers = {"Authorization": f"Bearer {narrow['api_key']}"}
    answer = await http.patch("/api/v1/agents/me", json={"description": "x"}, headers=headers)
    assert problem(answer) == (403, "MISSING_SCOPE")
    assert answer.json()["scope"] == "profile:write"
    answer = await http.post("/api/v1/keys", json={"scopes": ["profile:write"]}, headers=headers)
    assert problem(answer) == (403, "SCOPE_NOT_YOURS")
    answer = await http.post(f"/api/v1/keys/{agent.body['key']['id']}/rotate", headers=headers)
    assert problem(answer) == (403, "SCOPE_NOT_YOURS")


async def test_owner_manages_the_keys_of_their_agents_only(http: httpx.AsyncClient) -> None:
    owner, stranger = await a_human(http), await a_human(http)
    agent = await a_claimed_agent(http, owner)
    name = agent.body["agent"]["name"]

    async def tried(who: Somebody) -> list[int]:
        key_id = agent.body["key"]["id"]
        return [
            (await http.get("/api/v1/keys", params={"agent": name}, headers=who.headers)).status_code,
            (await http.post("/api/v1/keys", json={"agent": name}, headers=who.headers)).status_code,
            (await http.post(f"/api/v1/keys/{key_id}/rotate", headers=who.headers)).status_code,
            (await http.delete(f"/api/v1/keys/{key_id}", headers=who.headers)).status_code,
        ]

    assert await tried(stranger) == [404, 404, 404, 404]
    assert await tried(await an_agent(http)) == [404, 404, 404, 404]
    assert await tried(owner) == [200, 201, 201, 204]


async def test_use_is_noted_to_the_minute(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    await http.get("/api/v1/agents/me", headers=agent.headers)
    key = (await http.get("/api/v1/keys/validate", headers=agent.headers)).json()["key"]
    assert key["last_used_at"] is not None


async def test_no_year_is_long_enough(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    answer = await http.post("/api/v1/keys", json={"expires_in_days": 366}, headers=agent.headers)
    assert problem(answer) == (422, "INVALID_REQUEST")
