"""Listeners hear of every tip, once and in order, and after an interruption of what they missed."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from eth_account.signers.local import LocalAccount

from tests.end_to_end.platform import Json, Platform

LISTENERS = 200


@pytest.fixture(scope="module")
def episode(platform: Platform) -> Json:
    return platform.an_episode()


async def heard(
    platform: Platform, *, until: str, last: str | None = None, ready: asyncio.Event | None = None, **params: Any
) -> list[Json]:
    """Everything from now on (or after `last`) up to the first event of that kind."""
    headers = {"Last-Event-ID": last} if last else {}
    found: list[Json] = []
    async with (
        httpx.AsyncClient(base_url=f"{platform.url}/api/v1", timeout=60) as http,
        http.stream("GET", "/events", params=params, headers=headers) as answer,
    ):
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        async for event in _events(answer):
            if event is None:
                if ready:
                    ready.set()
                continue
            found.append(event)
            if event["kind"] == until:
                return found
    raise AssertionError(found)


async def _events(answer: httpx.Response) -> AsyncIterator[Json | None]:
    """None: the stream has begun."""
    fields: Json = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield {"id": fields["id"], **json.loads(fields["data"])}
            fields = {}
        else:
            fields = {}
            yield None


def tipped(platform: Platform, episode: Json, payer: LocalAccount) -> Any:
    receipts = [
        platform.send(call, payer) for call in platform.quote(episode, payer=payer)["rails"]["approve"]["calls"]
    ]
    return receipts[-1]


async def test_a_tip_is_seen_split_and_final(platform: Platform, episode: Json) -> None:
    payer, ready = platform.a_payer(), asyncio.Event()
    listening = asyncio.create_task(heard(platform, until="tip.final", ready=ready, episode=episode["id"]))
    await ready.wait()
    offered = platform.quote(episode, payer=payer)["rails"]["authorization"]
    submitted = platform.post("/tips/authorizations", platform.signed_submission(offered, payer)).json()
    await asyncio.to_thread(platform.settled, submitted["id"])
    platform.mine(12)
    events = await asyncio.wait_for(listening, 30)
    assert [event["kind"] for event in events] == ["tip.seen", "tip.split", "tip.final"]
    assert events[0]["subject"] == submitted["id"]
    assert events[1]["data"]["creator_share_micro_usdc"] == "200000"
    assert events[1]["data"]["payer"] == payer.address
    assert events[1]["subject"] == events[2]["subject"] == platform.get("/tips", payer=payer.address)["data"][0]["id"]


async def test_a_plain_transfer_is_seen_before_it_is_split(platform: Platform, episode: Json) -> None:
    payer, ready = platform.a_payer(), asyncio.Event()
    listening = asyncio.create_task(heard(platform, until="tip.split", ready=ready, episode=episode["id"]))
    await ready.wait()
    (call,) = platform.quote(episode, payer=payer)["rails"]["transfer"]["calls"]
    receipt = await asyncio.to_thread(platform.send, call, payer)
    seen, split = await asyncio.wait_for(listening, 60)
    assert (seen["kind"], split["kind"]) == ("tip.seen", "tip.split")
    assert seen["data"]["tx_hash"] == receipt["transactionHash"].to_0x_hex()
    assert (seen["data"]["rail"], seen["data"]["payer"]) == ("transfer", payer.address)
    assert seen["data"]["amount_micro_usdc"] == split["data"]["amount_micro_usdc"]


async def test_a_reorganised_tip_is_taken_back(platform: Platform, episode: Json) -> None:
    payer, ready = platform.a_payer(), asyncio.Event()
    platform.mine(8)
    told = asyncio.create_task(heard(platform, until="tip.split", ready=ready, episode=episode["id"]))
    await ready.wait()
    receipt = await asyncio.to_thread(tipped, platform, episode, payer)
    split = (await asyncio.wait_for(told, 30))[-1]
    listening = asyncio.create_task(
        heard(platform, until="tip.reorged", last=str(int(split["id"]) - 1), episode=episode["id"])
    )
    platform.request("anvil_reorg", 1, [])
    platform.mine(2)
    events = await asyncio.wait_for(listening, 30)
    ours = [event for event in events if event["data"].get("tx_hash") == receipt["transactionHash"].to_0x_hex()]
    assert [event["kind"] for event in ours] == ["tip.split", "tip.reorged"]
    assert platform.get("/tips", payer=payer.address)["data"] == []


async def test_after_an_interruption_nothing_is_missed(platform: Platform, episode: Json) -> None:
    payer, ready = platform.a_payer(), asyncio.Event()
    listening = asyncio.create_task(heard(platform, until="tip.split", ready=ready, episode=episode["id"]))
    await ready.wait()
    tipped(platform, episode, payer)
    (first,) = await asyncio.wait_for(listening, 30)
    missed = [tipped(platform, episode, payer)["transactionHash"].to_0x_hex() for _ in range(3)]
    await asyncio.to_thread(platform.caught_up)
    tipped(platform, episode, payer)
    found: list[Json] = []
    last = first["id"]
    while len(found) < 3:
        (event,) = await asyncio.wait_for(
            heard(platform, until="tip.split", last=last, episode=episode["id"], kind="tip.split"), 30
        )
        found.append(event)
        last = event["id"]
    assert [event["data"]["tx_hash"] for event in found] == missed


async def test_two_hundred_listeners_hear_of_it(platform: Platform, episode: Json) -> None:
    payer = platform.a_payer()
    ready = [asyncio.Event() for _ in range(LISTENERS)]
    listening = [
        asyncio.create_task(heard(platform, until="tip.split", ready=each, episode=episode["id"])) for each in ready
    ]
    await asyncio.gather(*(each.wait() for each in ready))
    receipt = await asyncio.to_thread(tipped, platform, episode, payer)
    events = await asyncio.wait_for(asyncio.gather(*listening), 60)
    assert {found[-1]["data"]["tx_hash"] for found in events} == {receipt["transactionHash"].to_0x_hex()}


def test_an_event_that_does_not_exist_is_named(platform: Platform) -> None:
    answer = platform.http.get("/events", params={"kind": "tip.lost"})
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    assert "tip.lost" in answer.json()["detail"]
