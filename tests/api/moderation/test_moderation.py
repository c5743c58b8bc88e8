"""Flags and decisions: what hides, what it costs, and that all of it can be undone."""

import asyncio
import uuid
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.db import Database
from api.voting import periods
from tests.api.conftest import OPERATOR_TOKEN
from tests.builders.accounts import Somebody, an_agent, problem
from tests.builders.studios import a_draft, a_submitted_script
from tests.builders.town import Town, opened, with_wallet

OPERATOR = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}


async def flag(http: httpx.AsyncClient, who: Somebody, kind: str, subject: object, **changes: Any) -> httpx.Response:
    body = {"kind": kind, "id": str(subject), "reason": "spam", "note": "look", **changes}
    return await http.post("/api/v1/flags", headers=who.headers, json=body)


async def decide(http: httpx.AsyncClient, kind: str, subject: object, action: str) -> httpx.Response:
    body = {"action": action, "reason": f"because {action}"}
    return await http.post(f"/api/v1/operator/moderation/{kind}/{subject}", headers=OPERATOR, json=body)


async def karma(http: httpx.AsyncClient, agent: Somebody) -> str:
    return str((await http.get(f"/api/v1/karma/{agent.body['agent']['name']}")).json()["karma"])


async def test_a_script_is_flagged_hidden_removed_and_restored(http: httpx.AsyncClient) -> None:
    author, reader, other = [await an_agent(http) for _ in range(3)]
    script = await a_submitted_script(http, author)
    url = f"/api/v1/scripts/{script['id']}"
    assert (await flag(http, reader, "script", script["id"])).status_code == 201
    again = await flag(http, reader, "script", script["id"])
    assert (again.status_code, again.json()["is_new"]) == (200, False)
    await flag(http, other, "script", script["id"], reason="hate")
    (case,) = (await http.get("/api/v1/operator/moderation", headers=OPERATOR)).json()["data"]
    assert (case["id"], case["flags"], case["reasons"]) == (script["id"], 2, ["hate", "spam"])

    assert (await decide(http, "script", script["id"], "hide")).status_code == 200
    assert problem(await decide(http, "script", script["id"], "hide")) == (409, "NOTHING_TO_DECIDE")
    assert (await http.get("/api/v1/operator/moderation", headers=OPERATOR)).json()["data"] == []
    for stranger in ({}, reader.headers):
        assert problem(await http.get(url, headers=stranger)) == (404, "SCRIPT_NOT_FOUND")
        assert problem(await http.get(f"{url}/comments", headers=stranger)) == (404, "SCRIPT_NOT_FOUND")
    assert (await http.get("/api/v1/scripts")).json()["data"] == []
    for may in (author.headers, OPERATOR):
        assert (await http.get(url, headers=may)).json()["status"] == "removed"
    told = (await http.get("/api/v1/audit?action=script.hidden", headers=author.headers)).json()["data"]
    assert [each["data"]["reason"] for each in told] == ["because hide"]
    assert float(await karma(http, author)) == 0, "hidden is not judged yet"
    assert problem(await flag(http, other, "script", script["id"])) == (404, "SUBJECT_NOT_FOUND")

    for _ in range(2):
        assert (await decide(http, "script", script["id"], "remove")).status_code == 200
        assert await karma(http, author) == "-15.00"
        assert (await decide(http, "script", script["id"], "restore")).status_code == 200
        assert float(await karma(http, author)) == 0
    assert (await http.get(url)).json()["status"] == "submitted"
    file = (await http.get(f"/api/v1/operator/moderation/script/{script['id']}", headers=OPERATOR)).json()
    assert [each["action"] for each in file["decisions"]] == ["restore", "remove", "restore", "remove", "hide"]
    assert {each["note"] for each in file["flags"]} == {"look"}
    assert file["words"] == {"title": script["title"], "logline": script["logline"]}


async def test_comments_names_and_descriptions_are_hidden(http: httpx.AsyncClient) -> None:
    author, reader = await an_agent(http, description="bad words"), await an_agent(http)
    script = await a_submitted_script(http, author)
    comments = f"/api/v1/scripts/{script['id']}/comments"
    comment = (await http.post(comments, headers=author.headers, json={"body": "bad words"})).json()

    async def shown() -> tuple[object, object, object]:
        agent = (await http.get(f"/api/v1/agents/{author.body['agent']['name']}")).json()
        studio = (await http.get(f"/api/v1/studios/{script['studio_id']}")).json()
        return (await http.get(comments)).json()["data"][0]["body"], agent["description"], studio["suffix"]

    before = await shown()
    assert before == ("bad words", "bad words", "Works")
    subjects = {"comment": comment["id"], "agent": author.id, "studio": script["studio_id"]}
    for kind, subject in subjects.items():
        assert (await flag(http, reader, kind, subject)).status_code == 201
        hidden = await decide(http, kind, subject, "remove")
        assert hidden.json()["action"] == "hide", "only scripts are removed"
    assert await shown() == (None, "", "(hidden)")
    assert (await http.get("/api/v1/search?q=bad")).json()["data"] == []
    for kind, subject in subjects.items():
        await decide(http, kind, subject, "restore")
    assert await shown() == before
    await flag(http, author, "comment", comment["id"])
    assert (await decide(http, "comment", comment["id"], "dismiss")).status_code == 200
    assert (await shown())[0] == "bad words"


@pytest.mark.parametrize("kind", ["script", "comment", "studio", "agent"])
async def test_what_is_not_there_is_not_moderated(http: httpx.AsyncClient, kind: str) -> None:
    agent = await an_agent(http)
    draft = await a_draft(http, await an_agent(http))
    for subject in (uuid.uuid4(), draft["id"]):
        assert problem(await flag(http, agent, kind, subject)) == (404, "SUBJECT_NOT_FOUND")
        assert problem(await decide(http, kind, subject, "hide")) == (404, "SUBJECT_NOT_FOUND")
        path = f"/api/v1/operator/moderation/{kind}/{subject}"
        assert problem(await http.get(path, headers=OPERATOR)) == (404, "SUBJECT_NOT_FOUND")
        assert problem(await http.get(path, headers=agent.headers)) == (403, "FORBIDDEN")
        body = {"action": "hide", "reason": "because"}
        assert problem(await http.post(path, headers=agent.headers, json=body)) == (403, "FORBIDDEN")
    body = {"kind": kind, "id": agent.id, "reason": "spam"}
    assert problem(await http.post("/api/v1/flags", json=body)) == (401, "NOT_AUTHENTICATED")


async def test_the_series_of_a_removed_script_is_in_no_list(http: httpx.AsyncClient, town: Town) -> None:
    script = await a_submitted_script(http, await an_agent(http))
    series, _ = town.a_series(UUID(script["id"]))

    async def listed() -> tuple[int, int]:
        found = await http.get("/api/v1/search", params={"q": script["title"], "type": "series"})
        return len((await http.get("/api/v1/series")).json()["data"]), len(found.json()["data"])

    assert await listed() == (1, 1)
    await decide(http, "script", script["id"], "hide")
    assert await listed() == (0, 0)
    assert (await http.get(f"/api/v1/series/{series}")).status_code == 200, "who tipped it still finds what for"
    await decide(http, "script", script["id"], "restore")
    assert await listed() == (1, 1)


async def test_two_operators_at_once_remove_once(http: httpx.AsyncClient) -> None:
    author = await an_agent(http)
    script = await a_submitted_script(http, author)
    answers = await asyncio.gather(*(decide(http, "script", script["id"], "remove") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert await karma(http, author) == "-15.00"


async def test_a_removed_script_wins_nothing(http: httpx.AsyncClient, town: Town, database: Database) -> None:
    agents = [await an_agent(http) for _ in range(8)]
    with_wallet(town.connection, *agents)
    removed, second = await a_submitted_script(http, agents[0]), await a_submitted_script(http, agents[1])
    town.connection.execute(
        "INSERT INTO app.karma_event (account_id, kind, subject, points, at)"
        " SELECT account_id, 'participation', 'x', 100, now() FROM app.agent"
    )
    period = await opened(database)
    for agent in agents[2:]:
        for script in (removed, second):
            vote = await http.post(f"/api/v1/voting/scripts/{script['id']}/upvote", headers=agent.headers)
            assert vote.status_code == 200, vote.text
    await http.delete(f"/api/v1/voting/scripts/{second['id']}", headers=agents[2].headers)
    await decide(http, "script", removed["id"], "remove")
    ballot = (await http.get("/api/v1/scripts/voting")).json()["data"]
    assert [each["script"]["id"] for each in ballot] == [second["id"]]
    refused = await http.post(f"/api/v1/voting/scripts/{removed['id']}/downvote", headers=agents[2].headers)
    assert problem(refused) == (404, "SCRIPT_NOT_FOUND")
    town.hours_later(49)
    await decide(http, "script", removed["id"], "restore")
    between = (await http.get(f"/api/v1/scripts/{removed['id']}")).json()["status"]
    assert between == "voting", "voting has ended, and nothing is counted yet"
    await decide(http, "script", removed["id"], "remove")
    async with database.begin() as session:
        await periods.close_due(session)
    results = (await http.get(f"/api/v1/voting/periods/{period.id}/results")).json()
    assert [(each["winner_id"], len(each["scripts"])) for each in results["genres"]] == [(second["id"], 1)]
    await decide(http, "script", removed["id"], "restore")
    status = (await http.get(f"/api/v1/scripts/{removed['id']}")).json()["status"]
    assert status == "not_selected", "its period went by without it"
    assert UUID(removed["id"])
