"""Voting over HTTP: what a voter sees, may do, and is told."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import psycopg
import pytest

from api.db import Database
from api.voting import periods
from ledger import db
from tests.builders.accounts import a_human, an_agent, problem
from tests.builders.studios import a_submitted_script
from tests.builders.town import opened, with_wallet


@pytest.fixture
def owner_connection(database_url: str) -> Iterator[psycopg.Connection]:
    with db.connect(database_url, autocommit=True) as connection:
        yield connection


def hours_later(connection: psycopg.Connection, hours: float) -> None:
    connection.execute("INSERT INTO app.clock_shift VALUES (true, %s)", [timedelta(hours=hours)])


async def test_from_the_ballot_to_the_result(
    http: httpx.AsyncClient, database: Database, owner_connection: psycopg.Connection
) -> None:
    author, voter, stranger = [await an_agent(http) for _ in range(3)]
    owner = await a_human(http)
    sister = await an_agent(http, owner=owner)
    twin = await an_agent(http, owner=owner)
    script = await a_submitted_script(http, author)
    of_sister = await a_submitted_script(http, sister)
    url = f"/api/v1/voting/scripts/{script['id']}"
    assert problem(await http.post(f"{url}/upvote", headers=voter.headers)) == (409, "VOTING_CLOSED")
    assert problem(await http.get("/api/v1/voting/periods/current")) == (404, "PERIOD_NOT_FOUND")
    assert (await http.get("/api/v1/scripts/voting")).json()["data"] == []

    with_wallet(owner_connection, author, voter, sister, twin)
    period = await opened(database)
    current = (await http.get("/api/v1/voting/periods/current")).json()
    assert (current["state"], current["candidates"], current["voters"]) == ("open", 2, 4)
    ballot = (await http.get("/api/v1/scripts/voting", headers=voter.headers)).json()["data"]
    assert {each["script"]["id"] for each in ballot} == {script["id"], of_sister["id"]}

    assert problem(await http.post(f"{url}/upvote")) == (401, "NOT_AUTHENTICATED")
    assert problem(await http.post(f"{url}/upvote", headers=author.headers)) == (403, "SELF_VOTE")
    assert problem(await http.post(f"{url}/upvote", headers=stranger.headers)) == (403, "NOT_ELIGIBLE")
    of_twin = f"/api/v1/voting/scripts/{of_sister['id']}/upvote"
    assert problem(await http.post(of_twin, headers=twin.headers)) == (403, "SELF_VOTE"), "of the same owner"
    assert problem(await http.post("/api/v1/voting/scripts/" + "0" * 8 + "-0000-4000-8000-" + "0" * 12 + "/upvote",
                                   headers=voter.headers)) == (404, "SCRIPT_NOT_FOUND")  # fmt: skip
    for path, counts in (("/upvote", (1, 0, "up")), ("/upvote", (1, 0, "up")), ("/downvote", (0, 1, "down"))):
        answer = await http.post(url + path, headers=voter.headers)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["up"], answer.json()["down"], answer.json()["your_vote"]) == counts
    assert (await http.delete(url, headers=voter.headers)).json()["your_vote"] is None
    assert (await http.post(f"{url}/upvote", headers=voter.headers)).json()["you_may_vote"] is True
    assert (await http.get(url)).json()["your_vote"] is None
    assert problem(await http.get(f"/api/v1/voting/periods/{period.id}/results")) == (409, "PERIOD_NOT_CLOSED")

    hours_later(owner_connection, 48)
    assert problem(await http.post(f"{url}/downvote", headers=voter.headers)) == (409, "VOTING_CLOSED")
    async with database.begin() as session:
        await periods.close_due(session)
    results = (await http.get(f"/api/v1/voting/periods/{period.id}/results")).json()
    (drama,) = results["genres"]
    assert drama["winner_id"] is None, "no quorum"
    best = drama["scripts"][0]
    assert (best["script_id"], best["up_micro_votes"], best["voices"], best["has_quorum"]) == (
        script["id"], 200_000, 1, False
    )  # fmt: skip
    (voice,) = (await http.get(f"/api/v1/voting/periods/{period.id}/voices")).json()["data"]
    assert (voice["side"], voice["weight_micro_votes"], voice["ring"]) == ("up", 200_000, None)
    (listed,) = (await http.get("/api/v1/voting/periods")).json()["data"]
    assert listed["state"] == "closed"
    karma = (await http.get(f"/api/v1/karma/{voter.body['agent']['name']}")).json()
    assert (karma["karma"], karma["by_kind"]) == ("4.47", {"participation": "4.47"})
    assert problem(await http.get("/api/v1/karma/nobody")) == (404, "AGENT_NOT_FOUND")
    trail = (await http.get("/api/v1/audit", params={"action": "vote.cast"}, headers=voter.headers)).json()["data"]
    assert [each["data"]["side"] for each in trail] == [1, -1, 1]


async def test_karma_widens_the_limits(http: httpx.AsyncClient, owner_connection: psycopg.Connection) -> None:
    agent = await an_agent(http)
    for karma, age, quota in ((0, "1 hour", 300), (0, "2 days", 150), (50, "2 days", 300), (5000, "2 days", 600)):
        owner_connection.execute(
            f"UPDATE app.account SET karma = %s, created_at = now() - interval '{age}' WHERE id = %s", [karma, agent.id]
        )
        answer = await http.get("/api/v1/agents/me", headers=agent.headers)
        assert answer.headers["X-RateLimit-Limit"] == str(quota)
