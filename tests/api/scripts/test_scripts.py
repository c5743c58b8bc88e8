"""Agents write drafts, correct them against a version, and hand them in."""

import httpx

from tests.builders.accounts import an_agent, problem
from tests.builders.scripts import a_pilot, an_audio_pack
from tests.builders.studios import a_draft, a_studio, a_submitted_script


async def test_draft_is_its_agents_alone_until_submitted(http: httpx.AsyncClient) -> None:
    agent, other = await an_agent(http), await an_agent(http)
    draft = await a_draft(http, agent)
    path = f"/api/v1/scripts/{draft['id']}"
    assert (await http.get(path, headers=agent.headers)).json()["status"] == "draft"
    assert problem(await http.get(path)) == (404, "SCRIPT_NOT_FOUND")
    assert problem(await http.get(path, headers=other.headers)) == (404, "SCRIPT_NOT_FOUND")
    assert (await http.get("/api/v1/scripts")).json()["data"] == []
    assert len((await http.get("/api/v1/scripts", headers=agent.headers)).json()["data"]) == 1
    submitted = await http.post(f"{path}/submit", headers=agent.headers)
    assert submitted.json()["status"] == "submitted"
    assert (await http.get(path)).json()["script_data"]["title"] == "The Last Lighthouse"


async def test_everything_wrong_is_said_at_once(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    studio = await a_studio(http, agent)
    script = a_pilot(title="", genre="western")
    script["shots"][2]["anchors"] = ["LOC_NOWHERE"]
    body = {"studio_id": studio["id"], "script_data": script}
    answer = await http.post("/api/v1/scripts", json=body, headers=agent.headers)
    assert problem(answer) == (422, "INVALID_SCRIPT")
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "/script_data/title",
        "/script_data/genre",
        "/script_data/shots/2/anchors/0",
    }


async def test_script_has_its_studios_genre(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    studio = await a_studio(http, agent, category="comedy")
    body = {"studio_id": studio["id"], "script_data": a_pilot()}
    answer = await http.post("/api/v1/scripts", json=body, headers=agent.headers)
    assert problem(answer) == (422, "INVALID_SCRIPT")
    assert answer.json()["errors"][0]["code"] == "GENRE_OF_STUDIO"


async def test_title_beside_the_body_fills_it_in(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    studio = await a_studio(http, agent)
    script = a_pilot()
    logline = script.pop("logline")
    body = {"studio_id": studio["id"], "title": "Beside", "logline": logline, "script_data": script}
    answer = await http.post("/api/v1/scripts", json=body, headers=agent.headers)
    assert answer.status_code == 201
    assert (answer.json()["title"], answer.json()["logline"]) == ("The Last Lighthouse", logline)


async def test_audio_pack_is_a_script_too(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    studio = await a_studio(http, agent)
    body = {"studio_id": studio["id"], "audio_pack": an_audio_pack()}
    answer = await http.post("/api/v1/scripts", json=body, headers=agent.headers)
    assert answer.status_code == 201
    assert (answer.json()["kind"], len(answer.json()["audio_pack"]["episodes"])) == ("audio", 5)


async def test_neither_or_both_bodies_are_refused(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    studio = await a_studio(http, agent)
    for bodies in ({}, {"script_data": a_pilot(), "audio_pack": an_audio_pack()}):
        answer = await http.post("/api/v1/scripts", json={"studio_id": studio["id"], **bodies}, headers=agent.headers)
        assert problem(answer) == (422, "INVALID_SCRIPT")


async def test_edit_needs_the_version_that_was_read(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    draft = await a_draft(http, agent)
    path = f"/api/v1/scripts/{draft['id']}"
    first = (await http.get(path, headers=agent.headers)).headers["etag"]
    change = {"title": "Second Title"}
    assert problem(await http.patch(path, json=change, headers=agent.headers)) == (428, "PRECONDITION_REQUIRED")
    edited = await http.patch(path, json=change, headers=agent.headers | {"If-Match": first})
    assert (edited.json()["title"], edited.json()["script_data"]["title"]) == ("Second Title", "Second Title")
    assert edited.headers["etag"] != first
    stale = await http.patch(path, json=change, headers=agent.headers | {"If-Match": first})
    assert problem(stale) == (412, "PRECONDITION_FAILED")
    whole = {"script_data": a_pilot(title="Third Title")}
    again = await http.patch(path, json=whole, headers=agent.headers | {"If-Match": edited.headers["etag"]})
    assert again.json()["title"] == "Third Title"


async def test_edit_is_validated_like_a_new_one(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    draft = await a_draft(http, agent)
    path = f"/api/v1/scripts/{draft['id']}"
    answer = await http.patch(path, json={"script_data": {}}, headers=agent.headers | {"If-Match": "*"})
    assert problem(answer) == (422, "INVALID_SCRIPT")
    assert (await http.get(path, headers=agent.headers)).json()["title"] == "The Last Lighthouse"


async def test_submitted_script_stays_as_it_is(http: httpx.AsyncClient) -> None:
    agent, other = await an_agent(http), await an_agent(http)
    script = await a_submitted_script(http, agent)
    path = f"/api/v1/scripts/{script['id']}"
    refused = (409, "SCRIPT_NOT_DRAFT")
    changed = await http.patch(path, json={"title": "Late"}, headers=agent.headers | {"If-Match": "*"})
    assert problem(changed) == refused
    assert problem(await http.post(f"{path}/submit", headers=agent.headers)) == refused
    assert problem(await http.delete(path, headers=agent.headers)) == refused
    assert problem(await http.delete(path, headers=other.headers)) == (403, "NOT_YOUR_SCRIPT")


async def test_draft_can_be_deleted(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    draft = await a_draft(http, agent)
    path = f"/api/v1/scripts/{draft['id']}"
    assert (await http.delete(path, headers=agent.headers)).status_code == 204
    assert problem(await http.get(path, headers=agent.headers)) == (404, "SCRIPT_NOT_FOUND")


async def test_only_its_agent_writes_for_a_studio(http: httpx.AsyncClient) -> None:
    studio = await a_studio(http, await an_agent(http))
    other = await an_agent(http)
    body = {"studio_id": studio["id"], "script_data": a_pilot()}
    assert problem(await http.post("/api/v1/scripts", json=body, headers=other.headers)) == (403, "NOT_YOUR_STUDIO")
    assert problem(await http.post("/api/v1/scripts", json=body)) == (401, "NOT_AUTHENTICATED")


async def test_eleventh_script_in_five_minutes_is_limited(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    studio = await a_studio(http, agent)
    for _ in range(10):
        await a_draft(http, agent, studio=studio)
    body = {"studio_id": studio["id"], "script_data": a_pilot()}
    answer = await http.post("/api/v1/scripts", json=body, headers=agent.headers)
    assert problem(answer) == (429, "SCRIPT_RATE_LIMITED")
    assert int(answer.headers["retry-after"]) > 0


async def test_lists_are_filtered_and_paged(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    studio = await a_studio(http, agent)
    scripts = [await a_draft(http, agent, studio=studio, title=f"Script {n}") for n in range(3)]
    path = f"/api/v1/studios/{studio['id']}/scripts"
    first = (await http.get(path, params={"limit": "2"}, headers=agent.headers)).json()
    rest = await http.get(path, params={"limit": "2", "cursor": first["next_cursor"]}, headers=agent.headers)
    seen = [script["id"] for script in first["data"] + rest.json()["data"]]
    assert seen == [script["id"] for script in reversed(scripts)]
    assert (await http.get(path)).json()["data"] == []
    drafts = await http.get("/api/v1/scripts", params={"status": "draft"}, headers=agent.headers)
    assert len(drafts.json()["data"]) == 3
