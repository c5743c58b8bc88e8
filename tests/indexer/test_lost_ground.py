"""What was final is gone from the node: nothing is rewritten, somebody is told, and the runbook's way on leads on.

The node's URL stays what it was all the time; behind it another chain appears.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local import chain as local_chain
from indexer import chain as rpc
from indexer.settings import Settings
from indexer.status import Status
from tests.indexer import world as worlds
from tests.indexer.mirroring import indexer, rows, until_mirrored, verified
from tests.indexer.world import World
from tests.kit.faulty_node import FaultyNode

_FACTS = "SELECT block_number, log_index, amount_micro_usdc FROM ledger.usdc_transfer ORDER BY 1, 2"


@pytest.fixture
def world(deployed_chain: Path) -> Iterator[World]:
    """Finality lies four blocks behind the head."""
    with worlds.running(deployed_chain, epoch_blocks=2) as running:
        running.approve()
        for _ in range(8):
            running.tip()
        yield running


@pytest.fixture
async def node(world: World) -> AsyncIterator[FaultyNode]:
    async with FaultyNode(world.rpc_url) as node:
        yield node


@pytest.fixture
def settings(world: World, node: FaultyNode, ledger_url: str) -> Settings:
    return world.settings(ledger_url, rpc_urls=[node.url])


async def test_a_node_that_lost_its_database_halts_the_ledger_until_it_has_it_again(
    world: World, node: FaultyNode, settings: Settings
) -> None:
    async with rpc.Chain([node.url]) as chain, indexer(settings, chain) as status:
        await until_mirrored(world, status)
        before = rows(settings.database_url, _FACTS)
        with local_chain.running() as empty:  # the same chain id, block 0, nothing on it
            node.upstream = empty
            await _until_halted(status, "is at block 0")
            assert rows(settings.database_url, _FACTS) == before
            assert await _halted_as_the_runbook_says(settings)
        node.upstream = world.rpc_url
        world.tip()
        await until_mirrored(world, status)
        assert status.cursor is not None
        assert status.cursor.status == "live"
    await _equal(settings)


async def test_a_node_that_came_back_with_another_chain_is_followed_after_a_rebuild(
    world: World, node: FaultyNode, settings: Settings, deployed_chain: Path
) -> None:
    with worlds.running(deployed_chain, seed=2, epoch_blocks=2) as other:
        other.approve()
        for _ in range(12):
            other.tip()
        async with rpc.Chain([node.url]) as chain, indexer(settings, chain) as status:
            await until_mirrored(world, status)
            before = rows(settings.database_url, _FACTS)
            node.upstream = other.rpc_url
            await _until_halted(status, "another block")
            assert rows(settings.database_url, _FACTS) == before
            assert await _halted_as_the_runbook_says(settings)
        await _rebuild(world, node, settings)
        await _equal(settings)
        assert rows(settings.database_url, _FACTS) != before
        async with rpc.Chain([node.url]) as chain, indexer(settings, chain) as status:
            other.tip()
            await until_mirrored(other, status)
        await _equal(settings)


async def test_a_reorganisation_deeper_than_finality_is_followed_after_a_rebuild(
    world: World, node: FaultyNode, settings: Settings
) -> None:
    async with rpc.Chain([node.url]) as chain, indexer(settings, chain) as status:
        await until_mirrored(world, status)
        before = rows(settings.database_url, _FACTS)
        world.reorganise(7)
        await _until_halted(status, "another block")
        await asyncio.sleep(0.3)  # it goes on trying, and does not end
        assert rows(settings.database_url, _FACTS) == before
        assert await _halted_as_the_runbook_says(settings)
    await _rebuild(world, node, settings)
    await _equal(settings)


async def test_finality_that_goes_backwards_stays_where_it_was(
    world: World, node: FaultyNode, settings: Settings
) -> None:
    """The node's tags fall behind what they said; the chain itself keeps what was final."""
    async with rpc.Chain([node.url]) as chain, indexer(settings, chain) as status:
        await until_mirrored(world, status)
        assert status.cursor is not None
        final = status.cursor.finalized_number
        world.roll_back(3)
        await asyncio.sleep(0.2)
        assert world.w3.eth.get_block("finalized")["number"] == final - 3
        assert status.cursor.finalized_number == final
        world.tip()
        await until_mirrored(world, status)
        assert status.cursor.finalized_number == final
        assert status.cursor.status == "live"
    await _equal(settings)


async def _until_halted(status: Status, why: str, seconds: float = 30) -> None:
    started = time.monotonic()
    while why not in (status.not_ready() or ""):
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"not halted: {status.cursor}")
        await asyncio.sleep(0.02)


async def _halted_as_the_runbook_says(settings: Settings) -> bool:
    """The detail that a person sees names the kind of fault, and the document that has its way on."""
    ((status, detail),) = rows(settings.database_url, "SELECT status, status_detail FROM ledger.cursor")
    runbook = await asyncio.to_thread((local_chain.ROOT / "docs/runbook.md").read_text)
    kind = str(detail).partition(":")[0]
    return bool(status == "halted" and "docs/runbook.md" in detail and kind in runbook)


async def _rebuild(world: World, node: FaultyNode, settings: Settings) -> None:
    """The documented way on, as a person does it."""
    environment: dict[str, Any] = {**world.environment(settings.database_url), "RPC_URLS": node.url}
    command = [sys.executable, "-m", "indexer", "rebuild", "--yes"]
    await asyncio.to_thread(subprocess.run, command, env={**os.environ, **environment}, check=True, timeout=60)


async def _equal(settings: Settings) -> None:
    async with rpc.Chain(settings.rpc_urls) as chain:
        await verified(settings, chain)
