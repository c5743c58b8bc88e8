"""Whom to ask: who failed or lied rests, who asks to be left alone is, and nobody else is skipped."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web

from indexer import chain as rpc
from indexer import proof, providers
from indexer.providers import Provider
from tests.indexer.lying import error, lying
from tests.indexer.world import World

DEAD = "http://127.0.0.1:9/key"


def _fails(_questions: list[dict[str, Any]]) -> web.Response:
    return web.Response(status=502)


# ------------------------------------------------------------------------------------------------------------- strikes


def test_rests_grow_and_lies_weigh_more() -> None:
    failing, lying_ = Provider("http://a.test"), Provider("http://b.test")
    rests = []
    for each, weight in ((failing, providers.FAILURE), (failing, providers.FAILURE), (lying_, providers.LIE)):
        assert each.strike(weight, time.monotonic())
        rests.append(each.struck_until - time.monotonic())
    assert 0.7 < rests[0] < 1.3
    assert 1.4 < rests[1] < 2.6
    assert 2.9 < rests[2] < 5.1
    for _ in range(20):
        failing.strike(providers.LIE, time.monotonic())
    assert failing.struck_until - time.monotonic() < 380


def test_what_was_asked_before_a_strike_strikes_no_second_time() -> None:
    provider, asked_at = Provider("http://a.test"), time.monotonic()
    assert provider.strike(providers.FAILURE, asked_at)
    assert not provider.strike(providers.FAILURE, asked_at)
    assert provider.strikes == 1


def test_the_first_that_is_well_is_asked_then_who_is_due_soonest() -> None:
    one, two, three = (Provider(f"http://{name}.test") for name in "abc")
    every = [one, two, three]
    assert providers.next_up(every) is one
    one.strike(providers.LIE, time.monotonic())
    assert providers.next_up(every) is two
    two.strike(providers.FAILURE, time.monotonic())
    three.strike(providers.LIE, time.monotonic())
    assert providers.next_up(every) is two
    assert 0 < providers.patience_seconds(two) <= 1


def test_strikes_are_forgiven_after_a_time_as_long_as_the_rest() -> None:
    provider = Provider("http://a.test", first_rest_seconds=0.02)
    provider.strike(providers.FAILURE, time.monotonic())
    provider.succeed()
    assert provider.strikes == 1
    time.sleep(0.06)
    provider.succeed()
    assert provider.strikes == 0


async def test_many_tasks_that_meet_one_dead_provider_strike_it_once_and_are_served(world: World) -> None:
    async with rpc.Chain([DEAD, world.rpc_url]) as chain:
        assert await asyncio.gather(*(chain.chain_id() for _ in range(20))) == [84532] * 20
        assert chain.providers[0].strikes == 1
        assert chain.providers[1].strikes == 0


async def test_a_lie_met_in_one_task_is_its_providers_and_skips_nobody_else(world: World) -> None:
    """The liar told its lie to one task; meanwhile another one asked the honest provider, and goes on with it."""
    async with lying(world.rpc_url) as liar, rpc.Chain([liar.url, world.rpc_url]) as chain:

        async def is_lied_to() -> None:
            await chain.chain_id()
            await asyncio.sleep(0.05)
            raise proof.BadAnswer("a lie")

        lied_to = asyncio.create_task(chain.attributed(is_lied_to))
        await asyncio.sleep(0.03)
        chain.providers[0].strike(providers.FAILURE, time.monotonic() - 60)
        chain.providers[0].struck_at -= 60  # long ago
        await chain.chain_id()
        assert chain.provider is chain.providers[1]
        with pytest.raises(proof.BadAnswer) as caught:
            await lied_to
        chain.leave_provider("BadAnswer", "a lie", caught.value)
        assert [each.strikes for each in chain.providers] == [4, 0]
        await chain.chain_id()
        assert chain.provider is chain.providers[1]


async def test_the_first_one_is_asked_again_once_it_is_well(world: World) -> None:
    async with (
        lying(world.rpc_url, refuse=_fails) as first,
        rpc.Chain([first.url, world.rpc_url], first_rest_seconds=0.05) as chain,
    ):
        for _ in range(5):
            await chain.chain_id()
        assert first.requests <= 2  # it rests
        first.refuse = lambda _: None
        for _ in range(100):
            await asyncio.sleep(0.02)
            await chain.chain_id()
            if chain.provider is chain.providers[0]:
                break
        assert chain.provider is chain.providers[0]


async def test_one_that_hangs_is_probed_aside_and_holds_up_nobody_twice(world: World) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with rpc.Chain([url, world.rpc_url], timeout_seconds=0.3, first_rest_seconds=0.05) as chain:
        await chain.chain_id()
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            await chain.chain_id()
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.02)
        assert slowest < 0.2
        assert chain.providers[0].strikes >= 2  # by the probe
    server.close()


# -------------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize("how", ["HTTP 429", "JSON-RPC"])
async def test_a_limited_provider_rests_exactly_as_long_as_it_says(world: World, how: str) -> None:
    times: list[float] = []

    def refuse(questions: list[dict[str, Any]]) -> web.Response | None:
        times.append(time.monotonic())
        if len(times) > 1:
            return None
        if how == "HTTP 429":
            return web.Response(status=429, text="Too Many Requests", headers={"Retry-After": "1"})
        return error(questions, -32005, "request rate limited, try again in 1s")

    async with lying(world.rpc_url, refuse=refuse) as limited:
        async with rpc.Chain([limited.url]) as chain:
            assert await chain.chain_id() == 84532
            assert 0.95 < times[1] - times[0] < 1.6
            assert chain.provider.strikes == 0
        times.clear()
        async with rpc.Chain([limited.url, world.rpc_url]) as chain:
            began = time.monotonic()
            for _ in range(3):
                assert await chain.chain_id() == 84532
            assert time.monotonic() - began < 0.5
            assert len(times) == 1
            assert dict(chain.providers[0].outcomes) == {"limited": 1}


async def test_no_more_is_asked_a_second_than_allowed(world: World) -> None:
    async with rpc.Chain([world.rpc_url], questions_per_second=40) as chain:
        began = time.monotonic()
        await asyncio.gather(*(chain.chain_id() for _ in range(30)))
        assert 0.4 < time.monotonic() - began < 1.5


async def test_a_provider_that_takes_small_batches_gets_small_batches(world: World) -> None:
    def refuse(questions: list[dict[str, Any]]) -> web.Response | None:
        if len(questions) <= 3:
            return None
        return web.json_response({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too big"}})

    async with lying(world.rpc_url, refuse=refuse) as small, rpc.Chain([small.url]) as chain:
        assert [header.height for header in await chain.headers(range(8))] == list(range(8))
        assert chain.provider.allowance.batch <= 3
        assert chain.provider.strikes == 0


# -------------------------------------------------------------------------------------------------------------- ranges


@pytest.mark.parametrize(("message", "blocks"), [("limited to a 2 block range", 2), ("too wide", None)])
async def test_a_refused_range_carries_the_hint(world: World, message: str, blocks: int | None) -> None:
    def refuse(questions: list[dict[str, Any]]) -> web.Response | None:
        return error(questions, -32000, message) if questions[0]["method"] == "eth_getLogs" else None

    async with lying(world.rpc_url, refuse=refuse) as narrow, rpc.Chain([narrow.url]) as chain:
        with pytest.raises(rpc.RangeRefused) as caught:
            await chain.logs([{"fromBlock": "0x1", "toBlock": "0x9"}])
        assert caught.value.suggested_blocks == blocks
        with pytest.raises(rpc.Unavailable) as refused:  # one block cannot be narrowed
            await chain.logs([{"fromBlock": "0x1", "toBlock": "0x1"}])
        assert not isinstance(refused.value, rpc.RangeRefused)


async def test_an_answer_that_is_too_large_is_not_read_to_its_end(world: World) -> None:
    world.tip()
    async with rpc.Chain([world.rpc_url], largest_answer_bytes=2000) as chain:
        with pytest.raises(rpc.RangeRefused, match="more than 2000 bytes"):
            await chain.logs([{"fromBlock": "0x0", "toBlock": hex(world.head()[0])}])


async def test_an_empty_success_past_a_lagging_nodes_head_does_not_pass(world: World) -> None:
    world.tip()
    number, block_hash = world.head()

    def lagging(method: str, parameters: list[Any], result: Any) -> Any:
        if method == "eth_getLogs":
            return []
        return None if parameters[0] == hex(number) else result

    async with lying(world.rpc_url, lagging) as behind, rpc.Chain([behind.url, world.rpc_url]) as chain:
        asked = {"fromBlock": "0x1", "toBlock": hex(number)}
        with pytest.raises(rpc.Behind) as caught:
            await chain.logs([asked], reaching=(number, "0x" + block_hash.hex()))
        chain.leave_provider("Behind", str(caught.value), caught.value)
        assert await chain.logs([asked], reaching=(number, "0x" + block_hash.hex()))
        assert chain.providers[0].strikes == 0  # being late is no lie


async def test_a_provider_that_stands_still_while_others_go_on_is_left(world: World) -> None:
    frozen: dict[str, Any] = {}

    def still(method: str, parameters: list[Any], result: Any) -> Any:
        return frozen.setdefault("head", result) if parameters == ["latest", False] else result

    async with (
        lying(world.rpc_url, still) as stopped,
        rpc.Chain([stopped.url, world.rpc_url], stale_seconds=1) as chain,
    ):
        before = (await chain.heads()).latest.height
        world.mine(3)
        assert (await chain.heads()).latest.height == before
        for _ in range(200):
            if (await chain.heads()).latest.height != before:
                break
            await asyncio.sleep(0.05)
        assert (await chain.heads()).latest.height == before + 3
        assert chain.providers[0].strikes == 1


# ------------------------------------------------------------------------------------------------------------ finality


async def test_an_orphan_served_as_finalized_is_not_agreed_to(world: World) -> None:
    """A proxy that cached a block as final, which then was reorganised away."""
    world.mine(3)
    async with rpc.Chain([world.rpc_url]) as honest:
        (orphan,) = await honest.headers([world.head()[0]])
    world.mine()
    world.reorganise(3)
    world.mine(2)
    raw = {"number": orphan.number, "hash": orphan.hash}

    def cached(method: str, parameters: list[Any], result: Any) -> Any:
        return {**result, **raw} if method == "eth_getBlockByNumber" and parameters[0] == "finalized" else result

    async with lying(world.rpc_url, cached) as proxy, rpc.Chain([proxy.url, world.rpc_url]) as chain:
        heads = await chain.heads()
        assert heads.finalized is not None
        assert heads.finalized.hash == orphan.hash
        agreed = await chain.agreed_final(heads.finalized)
        assert agreed is not None
        assert agreed.height < orphan.height
        chain.leave_provider("BadAnswer", "an orphan was called final")
        honest_heads = await chain.heads()
        assert honest_heads.finalized != heads.finalized


async def test_nobody_else_to_ask_is_no_agreement_and_no_contradiction(world: World) -> None:
    async with rpc.Chain([world.rpc_url]) as alone, rpc.Chain([world.rpc_url, DEAD]) as with_dead:
        for chain in (alone, with_dead):
            (header,) = await chain.headers([1])
            assert await chain.agreed_final(header) is None
