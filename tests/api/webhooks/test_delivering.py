"""A receiver gets everything, signed, in order for each subject, whatever happens to it or to us."""

import asyncio
import random
from datetime import timedelta

import httpx
from sqlalchemy import text

from api.webhooks import outgoing, rules
from api.webhooks.delivering import Deliveries
from tests.api.webhooks.conftest import Post, a_webhook
from tests.builders.accounts import a_human, an_agent
from tests.builders.receivers import Receiver, a_receiver

SUBJECTS = [f"tip-{number}" for number in range(7)]


async def test_a_receiver_that_fails_for_an_hour_gets_everything_in_order(http: httpx.AsyncClient, post: Post) -> None:
    source = random.Random(5)
    agent = await an_agent(http)
    async with a_receiver() as receiver:
        receiver.secrets.append((await a_webhook(http, agent, receiver.url))["secret"])
        happened: dict[str, list[int]] = {}

        async def happens(times: int) -> None:
            for _ in range(times):
                subject = source.choice(SUBJECTS)
                happened.setdefault(subject, []).append(await post.happens(subject, about=[agent.id]))

        await happens(20)
        await post.goes_out()
        assert receiver.subjects() == happened

        receiver.answers = lambda _id, _body: source.choice([500, 503, 404, 302])
        for _ in range(120):
            await happens(source.choice([0, 0, 1, 2]))
            await post.goes_out()
            await post.passes(timedelta(seconds=30))
        assert receiver.requests < 700, "it was not left in peace"

        receiver.answers = lambda _id, _body: 200
        await post.passes(timedelta(hours=2))
        await post.goes_out()
        assert receiver.subjects() == happened
        shown = (await http.get("/api/v1/webhooks", headers=agent.headers)).json()["data"][0]
        assert (shown["waiting"], shown["failing_since"], shown["state"]) == (0, None, "active")


async def test_one_success_spares_the_others_their_wait(http: httpx.AsyncClient, post: Post) -> None:
    agent = await an_agent(http)
    async with a_receiver() as receiver:
        await a_webhook(http, agent, receiver.url)
        receiver.answers = lambda _id, _body: 500
        for subject in SUBJECTS:
            await post.happens(subject, about=[agent.id])
        await post.goes_out()
        await post.passes(timedelta(seconds=10))
        await post.goes_out()
        receiver.answers = lambda _id, _body: 200
        await post.happens("another", about=[agent.id])
        await post.goes_out()
        assert len(receiver.taken) == len(SUBJECTS) + 1


async def test_what_a_receiver_never_takes_holds_up_its_own_subject_only(http: httpx.AsyncClient, post: Post) -> None:
    agent = await an_agent(http)
    async with a_receiver() as receiver:
        receiver.secrets.append((await a_webhook(http, agent, receiver.url))["secret"])
        poison = await post.happens("poisoned", about=[agent.id])
        behind = await post.happens("poisoned", about=[agent.id])
        fine = await post.happens("fine", about=[agent.id])
        receiver.answers = lambda message_id, _body: 500 if message_id == f"evt_{poison}" else 200
        await post.goes_out()
        assert receiver.subjects() == {"fine": [fine]}
        for pause in rules.PAUSES:
            await post.passes(1.25 * pause)
            await post.goes_out()
        assert receiver.subjects() == {"fine": [fine], "poisoned": [behind]}
        webhook_id = (await http.get("/api/v1/webhooks", headers=agent.headers)).json()["data"][0]["id"]
        path = f"/api/v1/webhooks/{webhook_id}/deliveries"
        given_up = (await http.get(path, params={"state": "given_up"}, headers=agent.headers)).json()["data"]
        assert [(each["event_id"], each["status"], each["attempts"]) for each in given_up] == [(poison, 500, 10)]
        receiver.answers = lambda _id, _body: 200
        again = await http.post(f"{path}/{poison}/redeliver", headers=agent.headers)
        assert again.status_code == 202
        await post.goes_out()
        assert receiver.subjects()["poisoned"] == [behind, poison]


async def test_two_workers_at_once_deliver_each_event_once_and_in_order(http: httpx.AsyncClient, post: Post) -> None:
    source = random.Random(11)
    agent = await an_agent(http)
    async with a_receiver() as receiver, outgoing.opened(post.held.settings.webhook_networks) as client:
        receiver.secrets.append((await a_webhook(http, agent, receiver.url))["secret"])
        receiver.answers = lambda _id, _body: 200
        happened: dict[str, list[int]] = {}
        for _ in range(120):
            subject = source.choice(SUBJECTS)
            happened.setdefault(subject, []).append(await post.happens(subject, about=[agent.id]))
        second = Post(post.held, Deliveries(post.held, client))
        await asyncio.gather(post.goes_out(), second.goes_out())
        assert receiver.subjects() == happened


async def test_a_worker_that_dies_in_the_middle_costs_a_repetition_at_most(http: httpx.AsyncClient, post: Post) -> None:
    agent = await an_agent(http)
    async with a_receiver() as receiver, outgoing.opened(post.held.settings.webhook_networks) as client:
        receiver.secrets.append((await a_webhook(http, agent, receiver.url))["secret"])
        happened = [await post.happens("one", about=[agent.id]) for _ in range(3)]
        dying = Deliveries(post.held, client)
        await dying.step()  # takes the first, and may have posted it
        await dying.drop()
        await post.passes(timedelta(minutes=5))
        await post.goes_out()
        arrived = receiver.subjects()["one"]
        assert sorted(set(arrived)) == happened
        assert [each for each, before in zip(arrived, [0, *arrived], strict=False) if each != before] == happened


async def test_a_receiver_that_is_gone_is_told_nothing_more_until_it_asks(http: httpx.AsyncClient, post: Post) -> None:
    agent = await an_agent(http)
    async with a_receiver() as receiver:
        made = await a_webhook(http, agent, receiver.url)
        receiver.secrets.append(made["secret"])
        path = f"/api/v1/webhooks/{made['webhook']['id']}"
        receiver.answers = lambda _id, _body: 410
        await post.happens("one", about=[agent.id])
        await post.goes_out()
        shown = (await http.get(path, headers=agent.headers)).json()
        assert (shown["state"], shown["disabled_because"]) == ("disabled", "gone")
        await post.happens("two", about=[agent.id])
        await post.goes_out()
        assert receiver.requests == 1
        receiver.answers = lambda _id, _body: 200
        await http.patch(path, json={"state": "active"}, headers=agent.headers)
        await post.goes_out()
        assert receiver.subjects().keys() == {"one", "two"}


async def test_five_days_of_failures_disable(http: httpx.AsyncClient, post: Post) -> None:
    agent = await an_agent(http)
    made = await a_webhook(http, agent, "http://127.0.0.1:1/hook")
    for _ in range(4):
        await post.happens("one", about=[agent.id])
        await post.goes_out()
        await post.passes(timedelta(days=2))
    shown = (await http.get(f"/api/v1/webhooks/{made['webhook']['id']}", headers=agent.headers)).json()
    assert (shown["state"], shown["disabled_because"]) == ("disabled", "failing")
    assert shown["waiting"] > 0


async def test_each_gets_what_is_theirs_and_what_they_asked_for(http: httpx.AsyncClient, post: Post) -> None:
    owner = await a_human(http)
    agent, stranger = await an_agent(http, owner=owner), await an_agent(http)
    async with a_receiver() as of_owner, a_receiver() as of_agent, a_receiver() as of_stranger, a_receiver() as of_all:
        await a_webhook(http, owner, of_owner.url)
        await a_webhook(http, agent, of_agent.url, kinds=["share.claimed"])
        await a_webhook(http, stranger, of_stranger.url)
        await a_webhook(http, stranger, of_all.url, about="everything")
        for each in (of_owner, of_agent, of_stranger, of_all):
            each.answers = lambda _id, _body: 200
        held = await post.happens("a", about=[agent.id])
        claimed = await post.happens("a", kind="share.claimed", about=[agent.id])
        creators = await post.happens("b", about=[stranger.body["agent"]["creator_id"]])
        await post.goes_out()
        assert [ids(each) for each in (of_owner, of_agent, of_stranger, of_all)] == [
            {held, claimed},
            {claimed},
            {creators},
            {held, claimed, creators},
        ]


async def test_after_a_rotation_both_secrets_verify_for_a_day(http: httpx.AsyncClient, post: Post) -> None:
    agent = await an_agent(http)
    async with a_receiver() as receiver:
        made = await a_webhook(http, agent, receiver.url)
        path = f"/api/v1/webhooks/{made['webhook']['id']}"
        rotated = (await http.post(f"{path}/rotate-secret", headers=agent.headers)).json()
        receiver.secrets = [made["secret"], rotated["secret"]]
        await post.happens("one", about=[agent.id])
        await post.goes_out()
        assert len(receiver.taken) == 1
        await post.passes(timedelta(hours=25))
        await post.happens("two", about=[agent.id])
        await post.goes_out()
        assert len(receiver.taken) == 1, "the former secret signs no longer"
        receiver.secrets = [rotated["secret"]]
        await post.passes(timedelta(minutes=1))
        await post.goes_out()
        assert len(receiver.taken) == 2


async def test_secrets_are_not_in_the_database(http: httpx.AsyncClient, post: Post) -> None:
    agent = await an_agent(http)
    secret = (await a_webhook(http, agent, "http://127.0.0.1:1/hook"))["secret"]
    async with post.held.database.reading() as session:
        stored = (await session.execute(text("SELECT secret FROM app.webhook"))).scalar_one()
    assert secret.encode() not in stored
    assert "whsec_" not in (await http.get("/api/v1/webhooks", headers=agent.headers)).text


def ids(receiver: Receiver) -> set[int]:
    return {int(message_id.removeprefix("evt_")) for message_id, _ in receiver.taken}
