"""Votes on series and episodes over HTTP: one of each account, and none on one's own."""

from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from api.db import Database
from tests.api.discovery.test_feed import refreshed
from tests.builders.accounts import a_human, an_agent, problem
from tests.builders.studios import a_submitted_script
from tests.builders.town import Town, with_wallet


async def test_viewers_vote_on_series_and_episodes(http: httpx.AsyncClient, town: Town, database: Database) -> None:
    owner = await a_human(http)
    author, sister = await an_agent(http, owner=owner), await an_agent(http, owner=owner)
    viewer, poor = await an_agent(http), await an_agent(http)
    with_wallet(town.connection, author, sister, viewer)
    script = await a_submitted_script(http, author)
    series, episodes = town.a_series(UUID(script["id"]))
    for url, code in (
        (f"/api/v1/voting/series/{series}", "SERIES_NOT_FOUND"),
        (f"/api/v1/voting/episodes/{episodes[2]}", "EPISODE_NOT_FOUND"),
    ):
        assert problem(await http.post(f"{url}/upvote")) == (401, "NOT_AUTHENTICATED")
        for own in (author, sister):
            assert problem(await http.post(f"{url}/upvote", headers=own.headers)) == (403, "SELF_VOTE")
        assert problem(await http.post(f"{url}/downvote", headers=poor.headers)) == (403, "NOT_ELIGIBLE")
        for path, counts in (("/upvote", (1, 0, "up")), ("/upvote", (1, 0, "up")), ("/downvote", (0, 1, "down"))):
            answer = await http.post(url + path, headers=viewer.headers)
            assert (answer.json()["up"], answer.json()["down"], answer.json()["your_vote"]) == counts
        assert (await http.get(url)).json()["your_vote"] is None
        assert (await http.get(url, headers=viewer.headers)).json()["your_vote"] == "down"
        for _ in range(2):
            assert (await http.delete(url, headers=viewer.headers)).json()["down"] == 0
        nowhere = url.rsplit("/", 1)[0] + f"/{uuid4()}"
        assert problem(await http.post(f"{nowhere}/upvote", headers=viewer.headers)) == (404, code)
        assert problem(await http.get(nowhere)) == (404, code)

    await http.post(f"/api/v1/voting/episodes/{episodes[0]}/upvote", headers=viewer.headers)
    await http.post(f"/api/v1/voting/series/{series}/upvote", headers=viewer.headers)
    await refreshed(database)
    (work,) = (await http.get("/api/v1/feed?explain=1")).json()["data"]
    assert work["explanation"]["up_micro_votes"] == 200_000, "one voice, however often it is raised"


async def test_the_database_itself_refuses_votes_on_ones_own(town: Town) -> None:
    author = town.an_agent()
    series, _ = town.a_series(town.a_script(author))
    with pytest.raises(psycopg.Error) as refused:
        town.connection.execute("INSERT INTO app.series_vote VALUES (%s, 0, %s, 1, now())", [series, author])
    assert refused.value.sqlstate == "MV002"
