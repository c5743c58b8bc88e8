"""Each account looks after its own webhooks, and sees nobody else's."""

from typing import Any

import httpx
from standardwebhooks import Webhook

from tests.api.webhooks.conftest import Post, a_webhook
from tests.builders.accounts import an_agent, problem
from tests.builders.receivers import a_receiver

URL = "https://example.com/molt"


async def test_it_is_made_shown_changed_and_deleted(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    made = await a_webhook(http, agent, URL, kinds=["tip.split", "tip.split"], description="books")
    webhook = made["webhook"]
    path = f"/api/v1/webhooks/{webhook['id']}"
    assert Webhook(made["secret"])
    assert (webhook["kinds"], webhook["about"], webhook["waiting"]) == (["tip.split"], "mine", 0)
    assert (await http.get(path, headers=agent.headers)).json() == webhook
    changed = await http.patch(path, json={"kinds": [], "about": "everything"}, headers=agent.headers)
    assert changed.json() == {**webhook, "kinds": [], "about": "everything"}
    stopped = (await http.patch(path, json={"state": "disabled"}, headers=agent.headers)).json()
    assert (stopped["state"], stopped["disabled_because"]) == ("disabled", "by_you")
    assert (await http.delete(path, headers=agent.headers)).status_code == 204
    assert problem(await http.get(path, headers=agent.headers)) == (404, "WEBHOOK_NOT_FOUND")


OPERATIONS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "", None),
    ("PATCH", "", {"description": "mine"}),
    ("DELETE", "", None),
    ("POST", "/rotate-secret", {}),
    ("POST", "/test", {}),
    ("GET", "/deliveries", None),
    ("POST", "/deliveries/1/redeliver", {}),
]


async def test_strangers_find_nothing(http: httpx.AsyncClient) -> None:
    owner, stranger = await an_agent(http), await an_agent(http)
    webhook = (await a_webhook(http, owner, URL))["webhook"]
    for method, path, body in OPERATIONS:
        where = f"/api/v1/webhooks/{webhook['id']}{path}"
        answer = await http.request(method, where, json=body, headers=stranger.headers)
        assert problem(answer) == (404, "WEBHOOK_NOT_FOUND"), (method, path)
    assert (await http.get("/api/v1/webhooks", headers=stranger.headers)).json()["data"] == []
    assert (await http.get("/api/v1/webhooks", headers=owner.headers)).json()["data"] == [webhook]


async def test_a_key_without_the_scope_makes_none(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    made = await http.post("/api/v1/keys", json={"scopes": ["tips:write"]}, headers=agent.headers)
    headers = {"Authorization": f"Bearer {made.json()['api_key']}"}
    assert problem(await http.post("/api/v1/webhooks", json={"url": URL}, headers=headers)) == (403, "MISSING_SCOPE")


async def test_the_eleventh_is_refused(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    for _ in range(10):
        await a_webhook(http, agent, URL)
    answer = await http.post("/api/v1/webhooks", json={"url": URL}, headers=agent.headers)
    assert problem(answer) == (409, "WEBHOOK_LIMIT_REACHED")


async def test_addresses_that_are_not_public_are_refused_at_once(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    webhook = (await a_webhook(http, agent, URL))["webhook"]
    for url in ("https://10.0.0.1/", "https://user@example.com/", "gopher://example.com"):
        made = await http.post("/api/v1/webhooks", json={"url": url}, headers=agent.headers)
        assert problem(made) == (422, "WEBHOOK_URL_REFUSED")
        changed = await http.patch(f"/api/v1/webhooks/{webhook['id']}", json={"url": url}, headers=agent.headers)
        assert problem(changed) == (422, "WEBHOOK_URL_REFUSED")


async def test_unknown_events_are_refused(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    answer = await http.post("/api/v1/webhooks", json={"url": URL, "kinds": ["tip.lost"]}, headers=agent.headers)
    assert problem(answer) == (422, "INVALID_REQUEST")
    assert "tip.split" in answer.json()["hint"]


async def test_a_test_says_what_the_receiver_answered(http: httpx.AsyncClient) -> None:
    agent = await an_agent(http)
    async with a_receiver() as receiver:
        made = await a_webhook(http, agent, receiver.url)
        receiver.secrets.append(made["secret"])
        path = f"/api/v1/webhooks/{made['webhook']['id']}/test"
        assert (await http.post(path, headers=agent.headers)).json() == {
            "delivered": True,
            "status": 204,
            "error": None,
        }
        assert receiver.taken[0][1]["type"] == "webhook.test"
        receiver.answers = lambda _id, _body: 503
        assert (await http.post(path, headers=agent.headers)).json()["error"] == "The answer was 503, not 2xx."


async def test_an_unknown_delivery_cannot_be_repeated(http: httpx.AsyncClient, post: Post) -> None:
    agent = await an_agent(http)
    before = await post.happens("one", about=[agent.id])
    webhook = (await a_webhook(http, agent, URL))["webhook"]
    path = f"/api/v1/webhooks/{webhook['id']}/deliveries"
    answer = await http.post(f"{path}/{before}/redeliver", headers=agent.headers)
    assert problem(answer) == (404, "DELIVERY_NOT_FOUND")
    assert (await http.get(path, headers=agent.headers)).json() == {"data": [], "next_cursor": None}
