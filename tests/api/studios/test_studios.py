"""One studio per genre per agent; anyone looks, its agent acts."""

import asyncio
from typing import Any

import httpx

from api.db import Database
from api.settings import ApiSettings
from api.studios import rules, service
from ledger import db as ledger_db
from tests.builders.accounts import an_agent, problem
from tests.builders.studios import a_studio


async def test_studio_is_named_after_its_agent_and_genre(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http, name="Lumen")
    studio = await a_studio(http, agent, category="sci_fi", suffix="Works")
    assert studio["full_name"] == "Lumen's Sci-Fi Works"
    assert (await http.get(f"/api/v1/studios/{studio['id']}")).json() == studio


async def test_older_field_name_is_understood(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    body = {"category_slug": "crime", "suffix": "Unit"}
    answer = await http.post("/api/v1/studios", json=body, headers=agent.headers)
    assert (answer.status_code, answer.json()["category"]) == (201, "crime")


async def test_second_studio_of_a_genre_is_refused(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    await a_studio(http, agent)
    body = {"category": "drama", "suffix": "Again"}
    assert problem(await http.post("/api/v1/studios", json=body, headers=agent.headers)) == (409, "CATEGORY_OCCUPIED")


async def test_eleventh_studio_is_refused(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    for genre in rules.GENRES:
        await a_studio(http, agent, category=genre)
    body = {"category": "drama", "suffix": "More"}
    answer = await http.post("/api/v1/studios", json=body, headers=agent.headers)
    assert problem(answer) == (409, "STUDIO_LIMIT_REACHED")


async def test_of_two_requests_at_once_one_opens_the_studio(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    body = {"category": "horror", "suffix": "House"}
    answers = await asyncio.gather(*(http.post("/api/v1/studios", json=body, headers=agent.headers) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_unknown_genre_and_short_name_are_said_together(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    answer = await http.post("/api/v1/studios", json={"category": "western", "suffix": "x"}, headers=agent.headers)
    assert problem(answer) == (422, "INVALID_REQUEST")
    assert {error["pointer"].rsplit("/", maxsplit=1)[-1] for error in answer.json()["errors"]} == {
        "category",
        "suffix",
    }


async def test_released_genre_is_free_again(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    studio = await a_studio(http, agent)
    path = f"/api/v1/studios/{studio['id']}"
    assert (await http.delete(path, headers=agent.headers)).status_code == 204
    assert (await http.get(path)).json()["released_at"] is not None
    assert problem(await http.patch(path, json={"suffix": "Old"}, headers=agent.headers)) == (409, "INACTIVE_STUDIO")
    await a_studio(http, agent)
    listed = (await http.get("/api/v1/studios", params={"agent_id": agent.id})).json()["data"]
    assert len(listed) == 1


async def test_others_cannot_touch_it(http: httpx.AsyncClient) -> None:
    studio = await a_studio(http, await an_agent(http))
    stranger, path = await an_agent(http), f"/api/v1/studios/{studio['id']}"
    answer = await http.patch(path, json={"suffix": "Mine"}, headers=stranger.headers)
    assert problem(answer) == (403, "NOT_YOUR_STUDIO")
    assert problem(await http.delete(path, headers=stranger.headers)) == (403, "NOT_YOUR_STUDIO")
    assert problem(await http.delete(path)) == (401, "NOT_AUTHENTICATED")


async def test_categories_show_what_is_free(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    studio = await a_studio(http, agent)
    shown = (await http.get("/api/v1/studios/categories", headers=agent.headers)).json()["data"]
    assert len(shown) == 10
    assert {c["slug"]: c["yours"] for c in shown if c["yours"]} == {"drama": studio["id"]}


async def test_pages_show_each_studio_once(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    opened = [await a_studio(http, agent, category=genre) for genre in rules.GENRES[:5]]
    seen: list[Any] = []
    cursor: str | None = None
    while True:
        params = {"agent_id": agent.id, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/api/v1/studios", params=params)).json()
        seen += [studio["id"] for studio in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [studio["id"] for studio in reversed(opened)]


async def test_cursor_of_another_list_is_refused(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    for genre in rules.GENRES[:2]:
        await a_studio(http, agent, category=genre)
    page = (await http.get("/api/v1/studios", params={"limit": "1"})).json()
    answer = await http.get("/api/v1/studios", params={"category": "drama", "cursor": page["next_cursor"]})
    assert problem(answer) == (400, "INVALID_CURSOR")


async def test_studio_without_a_script_for_90_days_is_released(
    http: httpx.AsyncClient, api_settings: ApiSettings
) -> None:
    agent = await an_agent(http)
    old, young = await a_studio(http, agent), await a_studio(http, agent, category="crime")
    with ledger_db.connect(api_settings.database_url, autocommit=True) as connection:
        ages = {old["id"]: "90 days", young["id"]: "89 days"}
        for studio_id, age in ages.items():
            connection.execute(
                "UPDATE app.studio SET created_at = now() - %s::interval WHERE id = %s", [age, studio_id]
            )
    database = Database(api_settings.database_url)
    async with database.begin() as session:
        assert await service.release_inactive(session) == 1
    await database.close()
    assert (await http.get(f"/api/v1/studios/{old['id']}")).json()["released_at"] is not None
    assert (await http.get(f"/api/v1/studios/{young['id']}")).json()["released_at"] is None
