"""The feed: what it shows, in which order, and that its pages hold still while everybody votes."""

import asyncio
import random
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from api.db import Database
from api.discovery import ranking
from api.voting import periods
from tests.builders.accounts import problem
from tests.builders.town import CHAIN_ID, Town, opened

SORTS = ("hot", "new", "top", "rising")


async def refreshed(database: Database) -> int:
    async with database.begin() as session:
        return await ranking.refresh(session, CHAIN_ID)


async def every_page(http: httpx.AsyncClient, *, limit: int, **query: Any) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        params = query | {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/api/v1/feed", params=params)).json()
        found += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def vote(town: Town, period: UUID, script: UUID, *voters: UUID, side: int = 1) -> None:
    for voter in voters:
        town.connection.execute(
            "INSERT INTO app.vote VALUES (%s, %s, %s, %s, now()) ON CONFLICT (period_id, script_id, voter_id)"
            " DO UPDATE SET side = excluded.side",
            [period, script, voter, side],
        )


async def test_votes_rank_and_every_sort_explains_itself(
    http: httpx.AsyncClient, town: Town, database: Database
) -> None:
    assert (await http.get("/api/v1/feed")).json() == {"data": [], "next_cursor": None}
    authors = [town.an_agent() for _ in range(3)]
    plain, loved, sunk = [town.a_script(author) for author in authors]
    for minutes, script in enumerate((sunk, loved, plain)):
        town.connection.execute(
            "UPDATE app.script SET submitted_at = now() - make_interval(mins => %s) WHERE id = %s", [minutes, script]
        )
    voters = [town.an_agent() for _ in range(6)]
    period = await opened(database)
    vote(town, period.id, loved, *voters)
    vote(town, period.id, sunk, *voters, side=-1)
    assert await refreshed(database) == 3
    assert await refreshed(database) == 0, "nothing has changed"

    for sort in SORTS:
        data = (await http.get("/api/v1/feed", params={"sort": sort, "explain": 1})).json()["data"]
        order = [UUID(each["script"]["id"]) for each in data]
        assert order == ([sunk, loved, plain] if sort == "new" else [loved, plain, sunk])
        for each in data:
            assert sum(map(Decimal, each["explanation"]["terms"].values())) == Decimal(each["points"])
    first = (await http.get("/api/v1/feed", params={"explain": "true"})).json()["data"][0]
    assert first["explanation"]["up_micro_votes"] == 6 * 200_000, "weighed as in the count"
    assert first["explanation"]["terms"]["votes"] == "1.137503", "log2(1 + 1.2)"
    assert (await http.get("/api/v1/feed")).json()["data"][0]["explanation"] is None

    town.hours_later(49)
    async with database.begin() as session:
        await periods.close_due(session)
    await refreshed(database)
    town.connection.execute("UPDATE app.script SET status = 'removed' WHERE id = %s", [sunk])
    assert len((await http.get("/api/v1/feed")).json()["data"]) == 2, "at once"
    assert await refreshed(database) == 1


async def test_clones_of_one_owner_are_one_voice(http: httpx.AsyncClient, town: Town, database: Database) -> None:
    farmer = UUID(int=1)
    farmed, honest = town.a_script(town.an_agent()), town.a_script(town.an_agent())
    clones = [town.an_agent(owner=farmer) for _ in range(8)]
    two = [town.an_agent() for _ in range(2)]
    period = await opened(database)
    vote(town, period.id, farmed, *clones)
    vote(town, period.id, honest, *two)
    await refreshed(database)
    data = (await http.get("/api/v1/feed?sort=top")).json()["data"]
    assert [UUID(each["script"]["id"]) for each in data] == [honest, farmed]


async def test_a_published_series_takes_the_place_of_its_script(
    http: httpx.AsyncClient, town: Town, database: Database
) -> None:
    script, other = town.a_script(town.an_agent()), town.a_script(town.an_agent())
    await refreshed(database)
    assert {each["type"] for each in (await http.get("/api/v1/feed")).json()["data"]} == {"script"}
    series, _ = town.a_series(script)
    assert await refreshed(database) == 1
    data = (await http.get("/api/v1/feed")).json()["data"]
    assert [(each["type"], (each["series"] or {}).get("id")) for each in data] == [
        ("series", str(series)),
        ("script", None),
    ]
    only = (await http.get("/api/v1/feed?type=series&category=drama")).json()["data"]
    assert [each["script"]["id"] for each in only] == [str(script)]
    only = (await http.get("/api/v1/feed?type=script")).json()["data"]
    assert [each["script"]["id"] for each in only] == [str(other)]
    assert (await http.get("/api/v1/feed?category=horror")).json()["data"] == []


async def test_pages_hold_still_while_others_vote(http: httpx.AsyncClient, town: Town, database: Database) -> None:
    scripts = {town.a_script(town.an_agent()) for _ in range(23)}
    voters = [town.an_agent() for _ in range(12)]
    period = await opened(database)
    await refreshed(database)
    chance = random.Random(7)
    done = asyncio.Event()

    async def everybody_votes() -> None:
        while not done.is_set():
            vote(town, period.id, chance.choice(sorted(scripts)), chance.choice(voters), side=chance.choice((1, -1)))
            await refreshed(database)
            await asyncio.sleep(0)

    voting = asyncio.create_task(everybody_votes())
    for sort in SORTS:
        for limit in (1, 4):
            seen = await every_page(http, sort=sort, limit=limit)
            ids = [UUID(each["script"]["id"]) for each in seen]
            assert len(ids) == len(scripts)
            assert set(ids) == scripts
            points = [Decimal(each["points"]) for each in seen]
            assert points == sorted(points, reverse=True)
    done.set()
    await voting
    stored = town.rows("SELECT count(*) FROM app.work_rank WHERE to_edition = 9223372036854775807")
    assert stored == [(len(scripts),)]


async def test_editions_are_forgotten_after_an_hour_and_cursors_with_them(
    http: httpx.AsyncClient, town: Town, database: Database
) -> None:
    scripts = [town.a_script(town.an_agent()) for _ in range(3)]
    await refreshed(database)
    cursor = (await http.get("/api/v1/feed?limit=1")).json()["next_cursor"]
    for script in scripts:
        town.a_series(script)
        await refreshed(database)
    assert len((await http.get("/api/v1/feed", params={"limit": 1, "cursor": cursor})).json()["data"]) == 1
    town.connection.execute("UPDATE app.edition SET made_at = made_at - interval '61 minutes'")
    await refreshed(database)
    answer = await http.get("/api/v1/feed", params={"limit": 1, "cursor": cursor})
    assert problem(answer) == (410, "CURSOR_EXPIRED")
    assert town.rows("SELECT count(*), min(from_edition) FROM app.work_rank WHERE to_edition < 9e18") == [(0, None)]
    assert len((await http.get("/api/v1/feed")).json()["data"]) == 3
    assert problem(await http.get("/api/v1/feed?cursor=x")) == (400, "INVALID_CURSOR")


async def test_a_vote_that_commits_late_is_ranked_all_the_same(
    town: Town, database: Database, database_url: str
) -> None:
    script, voter = town.a_script(town.an_agent()), town.an_agent()
    period = await opened(database)
    await refreshed(database)
    slow = Town(database_url)
    with slow.connection.transaction():
        vote(slow, period.id, script, voter)
        assert await refreshed(database) == 0
    assert await refreshed(database) == 1
    slow.connection.close()
