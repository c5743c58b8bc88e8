"""`rebuild`: the books anew from the chain alone, in place of the old ones at once or not at all."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from indexer import chain as rpc
from indexer.settings import Settings
from ledger import db
from tests.indexer import world as worlds
from tests.indexer.mirroring import catch_up, process, rows, verified
from tests.indexer.world import World

_AMOUNTS = "SELECT amount_micro_usdc FROM ledger.tip_split ORDER BY block_number"


@pytest.fixture
async def altered(world: World, settings: Settings, chain: rpc.Chain) -> list[tuple[int]]:
    """A ledger in which one tip is wrong, one too many and one missing; the amounts that it should have."""
    for amount in (200_000, 300_000, 400_000):
        world.tip(amount=amount)
    await catch_up(settings, chain)
    right = rows(settings.database_url, _AMOUNTS)
    with db.connect(settings.database_url, autocommit=True) as owner:
        owner.execute(_ALTER)
    return right


async def test_a_rebuild_puts_right_what_is_wrong(
    world: World, settings: Settings, chain: rpc.Chain, altered: list[tuple[int]]
) -> None:
    done = await asyncio.to_thread(_rebuild, world, settings, "--yes")
    assert done.returncode == 0, done.stderr
    assert rows(settings.database_url, _AMOUNTS) == altered
    archived = rows(settings.database_url, "SELECT count(*) FROM ledger.orphaned_row WHERE table_name = 'tip_split'")
    assert archived == [(2,)], "the wrong one, and the one too many"
    await verified(settings, chain)


def test_killed_in_the_middle_the_ledger_is_as_it_was(
    world: World, settings: Settings, altered: list[tuple[int]]
) -> None:
    before = rows(settings.database_url, _AMOUNTS)
    with db.connect(settings.database_url) as holder:
        holder.execute("SELECT FROM ledger.cursor FOR UPDATE")
        with process(world.environment(settings.database_url), "rebuild", "--yes") as running:
            running.until_logged("putting_in_place")
            assert rows(settings.database_url, _AMOUNTS) == before
            running.kill()
    assert rows(settings.database_url, _AMOUNTS) == before


def test_a_rebuild_wants_to_be_meant(world: World, settings: Settings) -> None:
    done = _rebuild(world, settings)
    assert done.returncode == 5
    assert "--yes" in done.stderr


async def test_an_indexer_at_work_goes_on_from_the_rebuilt_ledger(
    world: World, settings: Settings, chain: rpc.Chain, altered: list[tuple[int]]
) -> None:
    with process(world.environment(settings.database_url), "run") as running:
        first = await asyncio.to_thread(running.until_logged, "leading")
        done = await asyncio.to_thread(_rebuild, world, settings, "--yes")
        assert done.returncode == 0, done.stderr
        again = await asyncio.to_thread(running.until_logged, "leading")
        assert again["epoch"] >= first["epoch"] + 2, "the rebuild's is between"
        world.tip(amount=500_000)
        await asyncio.to_thread(running.until_logged, "blocks_recorded")
        await asyncio.sleep(0.5)
    assert rows(settings.database_url, _AMOUNTS) == [*altered, (500_000,)]
    await verified(settings, chain)


async def test_a_rebuild_is_the_way_on_when_finality_failed(deployed_chain: Path, ledger_url: str) -> None:
    """The documented one, with the halted indexer left running: it goes on from what was rebuilt."""
    with worlds.running(deployed_chain, epoch_blocks=2) as world:
        world.approve()
        for _ in range(8):
            world.tip()
        settings = world.settings(ledger_url)
        with process(world.environment(ledger_url), "run") as running:
            await asyncio.to_thread(_until_tips, ledger_url, 8)
            world.sent.clear()
            world.reorganise(7)
            await asyncio.to_thread(running.until_logged, "halted")
            said = await asyncio.to_thread(_indexer, world, settings, "status")
            assert (said.returncode, "halted: DeepReorg" in said.stdout) == (1, True)
            done = await asyncio.to_thread(_rebuild, world, settings, "--yes")
            assert done.returncode == 0, done.stderr
            await asyncio.to_thread(running.until_logged, "leading")
            world.tip()
            await asyncio.to_thread(_until_tips, ledger_url, 2)
            said = await asyncio.to_thread(_indexer, world, settings, "status")
            assert said.returncode == 0, said.stdout
        archived = "SELECT count(*) FROM ledger.orphaned_row WHERE table_name = 'tip_split'"
        assert rows(ledger_url, archived) == [(7,)]
        async with rpc.Chain([world.rpc_url]) as chain:
            await verified(settings, chain)


def _until_tips(ledger_url: str, count: int) -> None:
    for _ in range(400):
        if rows(ledger_url, "SELECT count(*) FROM ledger.tip_split") == [(count,)]:
            return
        time.sleep(0.05)
    raise TimeoutError


async def test_another_deployment_is_refused_until_a_rebuild_adopts_it(
    world: World, settings: Settings, chain: rpc.Chain, altered: list[tuple[int]]
) -> None:
    with db.connect(settings.database_url, autocommit=True) as owner:
        owner.execute("UPDATE ledger.cursor SET splitter = decode(repeat('11', 20), 'hex')")
    refused = await asyncio.to_thread(_indexer, world, settings, "run")
    assert refused.returncode == 2
    assert "Another deployment" in refused.stderr
    assert (await asyncio.to_thread(_rebuild, world, settings, "--yes")).returncode == 0
    await verified(settings, chain)


def _rebuild(world: World, settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _indexer(world, settings, "rebuild", *arguments)


def _indexer(world: World, settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer", *arguments],
        env=world.environment(settings.database_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


_ALTER = """
DELETE FROM ledger.tip_split WHERE amount_micro_usdc = 200000;
INSERT INTO ledger.tip_split (chain_id, block_number, log_index, tx_hash, ref, creator_id, agent_id, amount_micro_usdc,
    creator_share_micro_usdc, agent_share_micro_usdc, held_mask, rail)
SELECT chain_id, block_number, log_index + 77, tx_hash, ref, creator_id, agent_id, amount_micro_usdc,
    creator_share_micro_usdc, agent_share_micro_usdc, held_mask, rail
FROM ledger.tip_split WHERE amount_micro_usdc = 400000;
UPDATE ledger.tip_split SET amount_micro_usdc = amount_micro_usdc + 1 WHERE amount_micro_usdc = 300000;"""
