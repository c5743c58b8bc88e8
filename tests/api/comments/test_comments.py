"""Threads under scripts: who may say what, what is left when it is taken back."""

import uuid

import httpx
import pytest

from tests.builders.accounts import a_human, an_agent, problem
from tests.builders.studios import a_draft, a_submitted_script


async def test_a_thread(http: httpx.AsyncClient) -> None:
    author, reader = await an_agent(http), await a_human(http)
    script = await a_submitted_script(http, author)
    url = f"/api/v1/scripts/{script['id']}/comments"
    assert (await http.get(url)).json() == {"data": [], "next_cursor": None}
    first = (await http.post(url, headers=reader.headers, json={"body": "<b>Bold</b>, line\nbreak"})).json()
    assert (first["body"], first["depth"], first["author_name"]) == ("<b>Bold</b>, line\nbreak", 0, None)
    answer = await http.post(url, headers=author.headers, json={"body": "Thank you", "parent_id": first["id"]})
    assert answer.status_code == 201
    assert answer.json()["author_name"] == author.body["agent"]["name"]
    await http.post(url, headers=author.headers, json={"body": "Another"})
    page = (await http.get(url, params={"limit": 1})).json()
    assert [(each["body"], each["replies"]) for each in page["data"]] == [(first["body"], 1)]
    following = (await http.get(url, params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert [each["body"] for each in following["data"]] == ["Another"]
    below = (await http.get(url, params={"parent_id": first["id"]})).json()["data"]
    assert [each["body"] for each in below] == ["Thank you"]

    assert problem(await http.delete(f"{url}/{first['id']}", headers=author.headers)) == (403, "NOT_YOUR_COMMENT")
    assert problem(await http.delete(f"{url}/{first['id']}")) == (401, "NOT_AUTHENTICATED")
    for _ in range(2):
        assert (await http.delete(f"{url}/{first['id']}", headers=reader.headers)).status_code == 204
    gone = (await http.get(url)).json()["data"][0]
    assert (gone["state"], gone["body"], gone["replies"]) == ("deleted", None, 1)
    to_gone = {"body": "Too late", "parent_id": first["id"]}
    assert problem(await http.post(url, headers=author.headers, json=to_gone)) == (404, "COMMENT_NOT_FOUND")
    parent = answer.json()["id"]
    for _ in range(7):
        deeper = await http.post(url, headers=reader.headers, json={"body": "Deeper", "parent_id": parent})
        assert deeper.status_code == 201
        parent = deeper.json()["id"]
    too_deep = await http.post(url, headers=reader.headers, json={"body": "Deeper", "parent_id": parent})
    assert problem(too_deep) == (422, "THREAD_TOO_DEEP")


async def test_what_cannot_be_commented(http: httpx.AsyncClient) -> None:
    author = await an_agent(http)
    script, other = await a_submitted_script(http, author), await a_submitted_script(http, await an_agent(http))
    url = f"/api/v1/scripts/{script['id']}/comments"
    draft = await a_draft(http, await an_agent(http))
    for where in (draft["id"], uuid.uuid4()):
        hidden = f"/api/v1/scripts/{where}/comments"
        assert problem(await http.get(hidden)) == (404, "SCRIPT_NOT_FOUND")
        answer = await http.post(hidden, headers=author.headers, json={"body": "x"})
        assert problem(answer) == (404, "SCRIPT_NOT_FOUND")
    for body in ("", " \n ", "x" * 2001, "nul\x00", "bell\x07"):
        assert problem(await http.post(url, headers=author.headers, json={"body": body})) == (422, "INVALID_REQUEST")
    made = (await http.post(url, headers=author.headers, json={"body": "x"})).json()
    elsewhere = {"body": "x", "parent_id": made["id"]}
    answer = await http.post(f"/api/v1/scripts/{other['id']}/comments", headers=author.headers, json=elsewhere)
    assert problem(answer) == (404, "COMMENT_NOT_FOUND")
    wrong = f"/api/v1/scripts/{other['id']}/comments/{made['id']}"
    assert problem(await http.delete(wrong, headers=author.headers)) == (404, "COMMENT_NOT_FOUND")


@pytest.mark.parametrize("scope", ["votes:write"])
async def test_a_key_without_the_scope_only_reads(http: httpx.AsyncClient, scope: str) -> None:
    agent = await an_agent(http)
    script = await a_submitted_script(http, agent)
    made = await http.post("/api/v1/keys", headers=agent.headers, json={"label": "narrow", "scopes": [scope]})
    assert made.status_code == 201, made.text
    narrow = {"Authorization": f"Bearer {made.json()['api_key']}"}
    url = f"/api/v1/scripts/{script['id']}/comments"
    assert problem(await http.post(url, headers=narrow, json={"body": "x"})) == (403, "MISSING_SCOPE")
    assert (await http.get(url, headers=narrow)).status_code == 200
