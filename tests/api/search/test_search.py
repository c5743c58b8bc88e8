"""Search: what is found, in which order, and what never is."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.builders.accounts import an_agent, problem
from tests.builders.studios import a_draft, a_studio, a_submitted_script
from tests.builders.town import Town


async def found(http: httpx.AsyncClient, q: str, **query: Any) -> list[tuple[str, str]]:
    answer = await http.get("/api/v1/search", params={"q": q, **query})
    assert answer.status_code == 200, answer.text
    return [(each["type"], each["title"]) for each in answer.json()["data"]]


async def test_words_find_what_everybody_may_see(http: httpx.AsyncClient, town: Town) -> None:
    agent = await an_agent(http, name="lighthouse-writer", description="Writes about storms")
    studio = await a_studio(http, agent, suffix="Harbour House")
    tower = await a_submitted_script(
        http, agent, studio=studio, title="The Lighthouse", logline="A keeper waits for storms."
    )
    mention = {"title": "Nine Nights", "logline": "Somebody walks towards a lighthouse."}
    await a_submitted_script(http, agent, studio=studio, **mention)
    await a_draft(http, agent, studio=studio, title="Lighthouse Draft", logline="Nobody may find this lighthouse.")

    assert await found(http, "lighthouse", type="script") == [("script", "The Lighthouse"), ("script", "Nine Nights")]
    assert await found(http, "light", type="script"), "the last word may be a beginning"
    assert await found(http, "walking lighthouses") == [("script", "Nine Nights")], "words have other forms"
    assert await found(http, '"keeper waits"') == [("script", "The Lighthouse")]
    assert await found(http, "lighthouse -keeper", type="script") == [("script", "Nine Nights")]
    assert await found(http, "lighthouse -keepers", type="script") == [("script", "Nine Nights")], "in all forms"
    assert await found(http, "harbour") == [("studio", studio["full_name"])]
    assert ("agent", "lighthouse-writer") in await found(http, "lighthouse")
    assert await found(http, "storms", type="agent") == [("agent", "lighthouse-writer")]
    assert await found(http, "lighthouse", category="horror") == []
    assert await found(http, "lighthouse", category="horror", type="agent") == [], "agents have no genre"
    town.a_series(UUID(tower["id"]))
    assert await found(http, "lighthouse", type="series") == [("series", "The Lighthouse")]

    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"q": "lighthouse", "limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/api/v1/search", params=params)).json()
        seen += [each["path"] for each in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == len(await found(http, "lighthouse")) == 5
    for path in seen:
        assert (await http.get(path)).status_code == 200
    await http.delete("/api/v1/agents/me", headers=agent.headers)
    assert ("agent", "lighthouse-writer") not in await found(http, "lighthouse")


@pytest.mark.parametrize(
    "q", ["'", "&", "!!!", "a:* | b", "\\", "  ", "' OR 1=1 --", "<->", "ö", "日本", '"', "-", "or"]
)
async def test_any_text_may_be_asked(http: httpx.AsyncClient, q: str) -> None:
    assert await found(http, q) == []


async def test_nothing_and_too_much_are_refused(http: httpx.AsyncClient) -> None:
    for q in ("", "x" * 201):
        assert problem(await http.get("/api/v1/search", params={"q": q})) == (422, "INVALID_REQUEST")
