"""A retry gets the first answer and does nothing; whatever else carries the same key is refused."""

import asyncio
from typing import Any

import httpx

from ledger import db
from tests.api.conventions.test_problems import notes_kept
from tests.builders.accounts import an_agent, problem

KEY = {"Idempotency-Key": "0c1d6a52-7d0e-4b51-9f7e-3a6f5f2f1a11"}


async def test_retry_replays(http: httpx.AsyncClient, replica: httpx.AsyncClient, database_url: str) -> None:
    first = await http.post("/api/v1/probe/notes", json={"text": "hello"}, headers=KEY)
    again = await replica.post("/api/v1/probe/notes", json={"text": "hello"}, headers=KEY)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == "application/json"
    assert notes_kept(database_url) == 1


async def test_same_key_with_another_request(http: httpx.AsyncClient, database_url: str) -> None:
    await http.post("/api/v1/probe/notes", json={"text": "hello"}, headers=KEY)
    for path, body in (("/notes", {"text": "other"}), ("/once", {"text": "hello"}), ("/notes?x=1", {"text": "hello"})):
        answer = await http.post(f"/api/v1/probe{path}", json=body, headers=KEY)
        assert problem(answer) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert notes_kept(database_url) == 1


async def test_first_one_in_flight(http: httpx.AsyncClient, replica: httpx.AsyncClient, database_url: str) -> None:
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(7)")  # the endpoint waits for it
        first = asyncio.create_task(http.post("/api/v1/probe/notes", json={"text": "slow"}, headers=KEY))
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while connection.execute(waiting).fetchone() == (0,):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)
        second = await replica.post("/api/v1/probe/notes", json={"text": "slow"}, headers=KEY)
        assert problem(second) == (409, "IDEMPOTENCY_KEY_IN_FLIGHT")
        connection.execute("SELECT pg_advisory_unlock(7)")
        assert (await first).status_code == 201
    assert notes_kept(database_url) == 1


async def test_storm_of_retries_acts_once(http: httpx.AsyncClient, database_url: str) -> None:
    answers = await asyncio.gather(
        *(http.post("/api/v1/probe/notes", json={"text": "hello"}, headers=KEY) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert notes_kept(database_url) == 1


async def test_refusal_is_not_kept(http: httpx.AsyncClient, database_url: str) -> None:
    refused = await http.post("/api/v1/probe/notes", json={"text": ""}, headers=KEY)
    assert refused.status_code == 409
    assert (await http.post("/api/v1/probe/notes", json={"text": "better"}, headers=KEY)).status_code == 201
    assert notes_kept(database_url) == 1


async def test_required_key(http: httpx.AsyncClient, database_url: str) -> None:
    refused = await http.post("/api/v1/probe/once", json={"text": "hello"})
    assert problem(refused) == (400, "IDEMPOTENCY_KEY_MISSING")
    assert (await http.post("/api/v1/probe/once", json={"text": "hello"}, headers=KEY)).status_code == 201
    assert notes_kept(database_url) == 1


async def test_malformed_key(http: httpx.AsyncClient) -> None:
    for key in ("", "a b", "x" * 256):
        refused = await http.post("/api/v1/probe/notes", json={"text": "hi"}, headers={"Idempotency-Key": key})
        assert problem(refused) == (400, "IDEMPOTENCY_KEY_MALFORMED")


async def test_key_is_the_callers_own(http: httpx.AsyncClient, database_url: str) -> None:
    one, two = await an_agent(http), await an_agent(http)
    for who in (one, two):
        answer = await http.post("/api/v1/probe/notes", json={"text": "mine"}, headers={**KEY, **who.headers})
        assert "idempotency-replayed" not in answer.headers
    assert notes_kept(database_url) == 2


async def test_lost_api_key_is_replayed_and_the_database_does_not_know_it(
    http: httpx.AsyncClient, database_url: str
) -> None:
    first = await http.post("/api/v1/agents/register", json={"name": "quill"}, headers=KEY)
    again = await http.post("/api/v1/agents/register", json={"name": "quill"}, headers=KEY)
    assert again.json()["api_key"] == first.json()["api_key"]
    with db.connect(database_url) as connection:
        stored: Any = connection.execute("SELECT scope, request_hash, answer FROM app.idempotency_key").fetchone()
    for column in stored:
        assert first.json()["api_key"].encode() not in column
        assert KEY["Idempotency-Key"].encode() not in column


async def test_kept_for_seven_days(http: httpx.AsyncClient, database_url: str) -> None:
    await http.post("/api/v1/probe/notes", json={"text": "hello"}, headers=KEY)
    with db.connect(database_url, autocommit=True) as connection:
        kept: Any = connection.execute("SELECT expires_at - created_at FROM app.idempotency_key").fetchone()
        assert kept[0].days == 7
        connection.execute("UPDATE app.idempotency_key SET expires_at = now()")
    again = await http.post("/api/v1/probe/notes", json={"text": "another"}, headers=KEY)
    assert again.status_code == 201
    assert notes_kept(database_url) == 2
