"""Pages neither skip nor repeat, cursors belong to one list, unchanged answers are not sent twice."""

import httpx
import pytest

from tests.builders.accounts import problem


@pytest.fixture(autouse=True)
async def some_notes(http: httpx.AsyncClient) -> None:
    for number in range(5):
        await http.post("/api/v1/probe/notes", json={"text": f"note {number}"})


async def test_pages_show_everything_once(http: httpx.AsyncClient) -> None:
    seen, url = [], "/api/v1/probe/notes?limit=2"
    while url:
        answer = await http.get(url)
        seen += [note["text"] for note in answer.json()["data"]]
        assert ("link" in answer.headers) == (answer.json()["next_cursor"] is not None)
        url = answer.links["next"]["url"].removeprefix("http://127.0.0.1:8000") if "next" in answer.links else ""
        await http.post("/api/v1/probe/notes", json={"text": "newer"})  # what arrives meanwhile shifts nothing
    assert seen == [f"note {number}" for number in (4, 3, 2, 1, 0)]


async def test_cursor_of_another_list(http: httpx.AsyncClient) -> None:
    cursor = (await http.get("/api/v1/probe/notes?limit=2")).json()["next_cursor"]
    assert (await http.get("/api/v1/probe/notes", params={"limit": 3, "cursor": cursor})).status_code == 200
    for path, query in (
        ("/api/v1/probe/notes", {"cursor": cursor, "starts": "note"}),
        ("/api/v1/agents", {"cursor": cursor}),
        ("/api/v1/probe/notes", {"cursor": cursor[:-3] + "AAA"}),
        ("/api/v1/probe/notes", {"cursor": "é"}),
        ("/api/v1/probe/notes", {"cursor": ""}),
    ):
        assert problem(await http.get(path, params=query)) == (400, "INVALID_CURSOR")


async def test_unchanged_is_not_sent_again(http: httpx.AsyncClient) -> None:
    first = await http.get("/api/v1/probe/notes")
    tag = first.headers["etag"]
    assert tag.startswith('"')
    again = await http.get("/api/v1/probe/notes", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    await http.post("/api/v1/probe/notes", json={"text": "newer"})
    assert (await http.get("/api/v1/probe/notes", headers={"If-None-Match": tag})).status_code == 200
