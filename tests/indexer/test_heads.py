"""Announcements come at once, and no cut or silent socket holds anything up."""

import asyncio
import time

from indexer.heads import Heads
from indexer.settings import Settings
from tests.indexer.mirroring import rows
from tests.indexer.world import World
from tests.kit.faults import Faults
from tests.kit.faulty_node import FaultyNode


async def _opened(heads: Heads) -> None:
    """Its subscription began."""
    for _ in range(500):
        if heads.open:
            break
        await asyncio.sleep(0.01)
    assert await heads.wait(5) is None


async def test_a_head_is_announced_at_once_and_once(world: World) -> None:
    url = world.rpc_url.replace("http", "ws")
    async with Heads([url]) as heads:
        await _opened(heads)
        await asyncio.to_thread(world.mine)
        header = await heads.wait(5)
        assert header is not None
        assert (header.height, header.hash) == (world.head()[0], "0x" + world.head()[1].hex())
        assert await heads.wait(0.05) is None


async def test_without_sockets_waiting_is_polling() -> None:
    async with Heads([]) as heads:
        began = time.monotonic()
        assert await heads.wait(0.05) is None
        assert time.monotonic() - began > 0.04


async def test_a_refusing_node_is_only_polled() -> None:
    async with Heads(["ws://127.0.0.1:9/secret"]) as heads:
        assert await heads.wait(0.05) is None
        assert heads.open == 0


async def test_a_cut_socket_is_opened_again(world: World) -> None:
    async with FaultyNode(world.rpc_url) as node, Heads([node.ws_url]) as heads:
        await _opened(heads)
        await node.cut_sockets()
        assert await heads.wait(5) is None  # subscribed again, which is a reason to look
        await asyncio.to_thread(world.mine)
        assert await heads.wait(5) is not None


async def test_a_socket_that_hides_what_polling_sees_is_replaced(world: World) -> None:
    async with (
        FaultyNode(world.rpc_url) as node,
        Heads([node.ws_url], seen=lambda: world.head()[0], longest_silence_seconds=0.1) as heads,
    ):
        await _opened(heads)
        node.faults = Faults(ws_silence=1)
        await asyncio.to_thread(world.mine, 2)
        assert await heads.wait(0.3) is None
        assert await heads.wait(0.01) is None  # cut
        node.heal()
        assert await heads.wait(5) is None  # subscribed again
        await asyncio.to_thread(world.mine)
        assert await heads.wait(5) is not None


async def test_announced_tips_are_in_the_ledger_long_before_the_next_poll(world: World, ledger_url: str) -> None:
    from indexer import chain as rpc
    from tests.indexer.mirroring import indexer, until_mirrored

    settings: Settings = world.settings(
        ledger_url, poll_seconds=30, ws_urls=[world.rpc_url.replace("http", "ws")], reconcile_seconds=0
    )
    async with rpc.Chain([world.rpc_url]) as chain, indexer(settings, chain) as status:
        await until_mirrored(world, status)
        await asyncio.sleep(0.3)  # for the subscription
        began = time.monotonic()
        for _ in range(3):
            await asyncio.to_thread(world.tip)
            await until_mirrored(world, status)
        assert time.monotonic() - began < 10
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(3,)]
