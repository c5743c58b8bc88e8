"""What the chain says is in the ledger, with its finality, and what it says no more is not."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from indexer import chain as rpc
from indexer import follow, lead
from indexer.settings import Settings
from indexer.status import Status
from ledger import balances, db, record
from ledger.money import MicroUsdc, split
from tests.indexer import world as worlds
from tests.indexer.mirroring import catch_up, indexer, mirror, rows, until_mirrored, verified
from tests.indexer.world import DAY, World, id_of


async def _tips(settings: Settings, world: World) -> list[balances.Tip]:
    engine = db.async_engine(settings.database_url, "molt_api")
    async with AsyncSession(engine) as session:
        found = await balances.tips(session, world.deployment.chain_id)
    await engine.dispose()
    return found


async def test_every_rail_is_mirrored(world: World, settings: Settings, chain: rpc.Chain) -> None:
    world.tip(amount=250_000)
    world.tip_with_authorization()
    world.tip_x402()
    world.pay_vault()
    world.flush()
    await catch_up(settings, chain)
    tips = await _tips(settings, world)
    assert [tip.rail for tip in tips] == ["flush", "x402", "authorization", "approve"]
    creator, platform, agent = split(MicroUsdc(250_000))
    first = tips[-1]
    shares = (first.creator_share_micro_usdc, first.platform_share_micro_usdc, first.agent_share_micro_usdc)
    assert shares == (creator, platform, agent) == (200_000, 47_500, 2_500)
    assert first.held_mask == balances.CREATOR_HELD | balances.AGENT_HELD
    assert tips[0].payer is None
    await verified(settings, chain)


async def test_every_kind_of_event_is_mirrored(world: World, settings: Settings, chain: rpc.Chain) -> None:
    world.tip()
    world.set_wallet(1)
    world.claim(1)
    world.tip()
    world.expire(2)
    world.set_wallet(1)
    world.travel(2 * DAY)
    world.confirm_rotation(1)
    world.set_wallet(1)
    world.revoke(1)
    world.blacklist_treasury()
    world.tip_x402()
    world.set_min_tip()
    world.send_stray()
    await catch_up(settings, chain)
    report = await verified(settings, chain)
    assert all(report.rows.values()), report.rows
    assert {"wallet", "rotation", "bucket", "vault balance", "minTip"} <= report.questions.keys()


async def test_a_foreign_transfer_is_not_mirrored(world: World, settings: Settings, chain: rpc.Chain) -> None:
    world.pay_stranger()
    await catch_up(settings, chain)
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.usdc_transfer") == [(0,)]


async def test_finality_follows_the_chain(world: World, settings: Settings, chain: rpc.Chain) -> None:
    world.tip()
    for blocks, expected in ((0, "unsafe"), (64, "safe"), (64, "finalized")):
        if blocks:
            world.mine(blocks)
        await catch_up(settings, chain)
        assert [tip.finality for tip in await _tips(settings, world)] == [expected]


async def test_empty_blocks_are_forgotten_once_they_are_final(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    world.mine(300)
    async with mirror(settings, chain) as mirrored:
        mirrored.ahead.widest = 50
        await _steps(mirrored)
        world.mine(100)
        await _steps(mirrored)
        final = mirrored.cursor.finalized_number
    query = "SELECT count(*) FROM ledger.block WHERE number < %s AND NOT has_events"
    assert rows(settings.database_url, query, final) == [(0,)]
    await verified(settings, chain)


# ------------------------------------------------------------------------------------------------- paid before deployed


async def _transfers(settings: Settings) -> list[tuple[int, int]]:
    return rows(
        settings.database_url,
        "SELECT block_number, noticed_block_number FROM ledger.usdc_transfer ORDER BY block_number, log_index",
    )


async def test_transfers_to_a_vault_are_ours_from_its_deployment_on(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    world.front_run_x402()
    paid_at = world.head()[0]
    await catch_up(settings, chain)
    assert await _transfers(settings) == []
    world.deploy_vault()
    deployed_at = world.head()[0]
    await catch_up(settings, chain)
    assert await _transfers(settings) == [(paid_at, deployed_at)]
    assert rows(settings.database_url, "SELECT noticed_block_number FROM ledger.authorization_used") == [(deployed_at,)]
    await verified(settings, chain)


async def test_they_leave_with_the_deployment(world: World, settings: Settings, chain: rpc.Chain) -> None:
    world.pay_vault()
    world.mine(3)
    world.deploy_vault()
    await catch_up(settings, chain)
    assert len(await _transfers(settings)) == 1
    world.sent.clear()
    world.reorganise(2)
    world.mine()
    await catch_up(settings, chain)
    assert await _transfers(settings) == []
    archived = rows(settings.database_url, "SELECT table_name, block_hash IS NOT NULL FROM ledger.orphaned_row")
    assert ("usdc_transfer", True) in archived
    await verified(settings, chain)


async def test_one_earlier_transaction_may_pay_vaults_of_different_age(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    for ref in (1, 2):
        world.pay_vault(ref=ref)
    world.deploy_vault(ref=2)
    await catch_up(settings, chain)
    world.deploy_vault(ref=1)
    await catch_up(settings, chain)
    transfers = await _transfers(settings)
    assert [noticed for _, noticed in transfers] == [world.head()[0], world.head()[0] - 1]
    await verified(settings, chain)


# ------------------------------------------------------------------------------------------------------ reorganisations


async def test_orphans_are_archived_and_the_new_fork_is_mirrored(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    world.tip(amount=111_111)
    async with indexer(settings, chain) as status:
        await until_mirrored(world, status)
        world.sent.clear()
        world.reorganise(1)
        world.tip(amount=222_222)
        await until_mirrored(world, status)
        assert status.reorgs == {1: 1}
    assert [tip.amount_micro_usdc for tip in await _tips(settings, world)] == [222_222]
    query = "SELECT (content ->> 'amount_micro_usdc')::bigint FROM ledger.orphaned_row WHERE table_name = 'tip_split'"
    assert rows(settings.database_url, query) == [(111_111,)]


async def test_a_reorganisation_while_the_indexer_is_down_is_followed(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    for _ in range(5):
        world.tip()
    await catch_up(settings, chain)
    world.reorganise(4)
    await catch_up(settings, chain)
    await verified(settings, chain)


async def test_a_node_that_is_behind_on_the_same_chain_changes_nothing(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    world.tip()
    world.mine(3)
    await catch_up(settings, chain)
    world.request("anvil_rollback", 2)
    async with mirror(settings, chain) as mirrored:
        before = mirrored.cursor.head_hash
        assert await mirrored.step() is False
        assert mirrored.cursor.head_hash == before


async def test_deeper_than_final_halts_and_keeps_what_was_there(deployed_chain: Path, ledger_url: str) -> None:
    with worlds.running(deployed_chain, epoch_blocks=2) as world:
        world.approve()
        for _ in range(8):
            world.tip()
        async with rpc.Chain([world.rpc_url]) as chain, indexer(world.settings(ledger_url), chain) as status:
            await until_mirrored(world, status)
            world.sent.clear()
            world.reorganise(7)
            await _until(lambda: status.cursor is not None and status.cursor.status == "halted")
            assert "another block" in (status.not_ready() or "")
            await asyncio.sleep(0.5)  # it goes on trying, and does not end
        assert rows(ledger_url, "SELECT count(*) FROM ledger.tip_split") == [(8,)]
        ((halted, detail),) = rows(ledger_url, "SELECT status, status_detail FROM ledger.cursor")
        assert halted == "halted"
        assert "docs/runbook.md" in detail


async def test_a_node_on_another_chain_is_left_for_the_next_one(
    world: World, settings: Settings, deployed_chain: Path
) -> None:
    world.tip()
    world.mine(200)  # the tip is final
    with worlds.running(deployed_chain, seed=2) as stranger:
        stranger.mine(300)
        async with rpc.Chain([world.rpc_url]) as chain:
            await catch_up(settings, chain)
        async with rpc.Chain([stranger.rpc_url, world.rpc_url]) as chain, indexer(settings, chain) as status:
            world.tip()
            await until_mirrored(world, status)
            assert status.retries["DeepReorg"] >= 1
            assert status.cursor is not None
            assert status.cursor.status == "live"


async def _until(holds: Callable[[], bool], seconds: float = 30) -> None:
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


# ------------------------------------------------------------------------------------------------- writing exactly once


async def test_a_batch_that_fails_late_leaves_neither_rows_nor_cursor(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    world.tip()
    with db.connect(settings.database_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE ledger.usdc_transfer ADD CONSTRAINT broken CHECK (false) NOT VALID")
        async with mirror(settings, chain) as mirrored:
            before = mirrored.cursor
            with pytest.raises(psycopg.errors.CheckViolation):
                await _steps(mirrored)
        found = rows(settings.database_url, "SELECT head_hash FROM ledger.cursor")
        assert found == [(mirrored.cursor.head_hash,)]
        assert mirrored.cursor.head_number >= before.head_number
        assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(0,)]
        owner.execute("ALTER TABLE ledger.usdc_transfer DROP CONSTRAINT broken")
    await catch_up(settings, chain)
    await verified(settings, chain)


async def _steps(mirrored: follow.Mirror) -> None:
    while await mirrored.step():
        pass


async def test_a_fenced_writer_writes_nothing(world: World, settings: Settings, chain: rpc.Chain) -> None:
    async with mirror(settings, chain) as stale:
        other = await db.connect_async(settings.database_url, "molt_indexer", autocommit=True)
        async with other:
            fresh = await follow.open_mirror(chain, other, lead.scope_of(settings), Status())
            world.tip()
            with pytest.raises(record.Fenced):
                await stale.step()
            await _steps(fresh)
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(1,)]


async def test_another_deployment_is_refused(world: World, settings: Settings, chain: rpc.Chain) -> None:
    await catch_up(settings, chain)
    with db.connect(settings.database_url) as owner:
        owner.execute("UPDATE ledger.cursor SET splitter = usdc")
    with pytest.raises(record.OtherDeployment):
        await catch_up(settings, chain)


async def test_each_commit_is_announced(world: World, settings: Settings, chain: rpc.Chain) -> None:
    listener = await db.connect_async(settings.database_url, "molt_api", autocommit=True)
    async with listener:
        await listener.execute("LISTEN ledger")
        world.tip()
        await catch_up(settings, chain)
        heads = [json.loads(note.payload)["head_number"] async for note in listener.notifies(timeout=0.5)]
    assert heads[-1] == world.head()[0]


async def test_what_is_in_the_ledger_reads_as_the_contract_has_it(
    world: World, settings: Settings, chain: rpc.Chain
) -> None:
    world.tip(creator=1, agent=2, ref=7, amount=1_000_000)
    world.set_wallet(1)
    await catch_up(settings, chain)
    chain_id = world.deployment.chain_id
    engine = db.async_engine(settings.database_url, "molt_api")
    async with AsyncSession(engine) as session:
        (bucket,) = await balances.held_buckets(session, chain_id, id_of(1))
        wallet = await balances.wallet_of(session, chain_id, id_of(1))
        treasury = await balances.treasury(session, chain_id)
        head = await balances.head(session, chain_id)
    await engine.dispose()
    assert world.splitter.functions.held(id_of(1), bucket.expiry).call() == bucket.amount_micro_usdc == 800_000
    assert wallet.wallet is not None
    (registered,) = world.wallets[id_of(1)]
    assert wallet.wallet == bytes.fromhex(registered.address[2:])
    assert wallet.status == "active"
    assert treasury == bytes.fromhex(world.cast.treasury.address[2:])
    assert head is not None
    assert (head.number, head.hash) == world.head()
