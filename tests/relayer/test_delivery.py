"""What is signed gets mined, whatever pools, fees and strangers do to it."""

import asyncio
import itertools

import pytest

from tests.relayer.flaky_node import SEND
from tests.relayer.world import RELAYER, eventually, fresh_address

GWEI = 10**9


async def stop_mining(world):
    await world.rpc("evm_setAutomine", False)


async def mine(world, blocks=1):
    await world.rpc("anvil_mine", hex(blocks))


async def test_a_stuck_transaction_is_replaced_at_its_nonce_by_an_eighth_more(world):
    await stop_mining(world)
    to = fresh_address()
    async with world.relayer():
        outbox_id = await world.enqueue(to=to, value_wei=9)
        await eventually(lambda: world.attempts(outbox_id), lambda found: len(found) >= 3, "replaced twice")
        await mine(world)
        mined = await world.until(outbox_id, "mined_ok")
    attempts = await world.attempts(outbox_id)
    assert {attempt["nonce"] for attempt in attempts} == {0}
    for before, after in itertools.pairwise(attempts):
        assert after["max_fee_wei"] * 8 >= before["max_fee_wei"] * 9
        assert after["priority_fee_wei"] * 8 >= before["priority_fee_wei"] * 9
    assert mined.tx_hash in {attempt["tx_hash"] for attempt in attempts}
    assert await world.balance(to) == 9
    assert await world.nonce(RELAYER) == 1


async def test_replacements_stop_at_the_cap(world):
    await stop_mining(world)
    async with world.relayer(relayer_stuck_after_seconds=0.2, relayer_max_priority_fee_gwei="1.3"):
        outbox_id = await world.enqueue()
        await asyncio.sleep(3)
        attempts = await world.attempts(outbox_id)
        assert len(attempts) == 3  # 1, 1.125, 1.266 gwei
        assert attempts[-1]["priority_fee_wei"] <= 1.3 * GWEI
        await mine(world)
        await world.until(outbox_id, "mined_ok")


async def test_what_the_pool_dropped_is_sent_again_byte_for_byte(world, monkeypatch):
    monkeypatch.setattr("relayer.delivery.RESEND_SECONDS", 0.5)
    await stop_mining(world)
    async with world.relayer(relayer_stuck_after_seconds=60):
        outbox_id = await world.enqueue()
        sent = await world.until(outbox_id, "broadcast")
        await world.rpc("anvil_dropTransaction", "0x" + sent.tx_hash.hex())
        assert await world.rpc("eth_getTransactionByHash", "0x" + sent.tx_hash.hex()) is None
        await eventually(
            lambda: world.rpc("eth_getTransactionByHash", "0x" + sent.tx_hash.hex()), lambda found: found, "back"
        )
        await mine(world)
        assert (await world.until(outbox_id, "mined_ok")).tx_hash == sent.tx_hash
    assert len(await world.attempts(outbox_id)) == 1


async def test_everything_dropped_at_once_is_mined_in_the_end(world, monkeypatch):
    monkeypatch.setattr("relayer.delivery.RESEND_SECONDS", 0.5)
    await stop_mining(world)
    async with world.relayer(relayer_stuck_after_seconds=60):
        ids = [await world.enqueue() for _ in range(5)]
        for outbox_id in ids:
            await world.until(outbox_id, "broadcast")
        await world.rpc("anvil_dropAllTransactions")
        await world.rpc("evm_setIntervalMining", 1)
        assert [(await world.until(outbox_id, "mined_ok")).nonce for outbox_id in ids] == [0, 1, 2, 3, 4]


async def test_a_base_fee_that_outran_us_is_outbid(world):
    async with world.relayer():
        await stop_mining(world)
        ids = [await world.enqueue() for _ in range(3)]
        for outbox_id in ids:
            await world.until(outbox_id, "broadcast")
        await world.rpc("anvil_setNextBlockBaseFeePerGas", hex(20 * GWEI))
        await world.rpc("evm_setIntervalMining", 1)
        for outbox_id in ids:
            await world.until(outbox_id, "mined_ok", seconds=30)
    assert await world.nonce(RELAYER) == 3


async def test_a_reorganised_transaction_goes_back_to_broadcast_and_is_mined_again(world):
    async with world.relayer():
        outbox_id = await world.enqueue(to=(to := fresh_address()), value_wei=5)
        first = await world.until(outbox_id, "mined_ok")
        await stop_mining(world)
        await world.rpc("anvil_reorg", 1, [])
        await world.until(outbox_id, "broadcast")
        assert await world.balance(to) == 0
        await mine(world)
        again = await world.until(outbox_id, "mined_ok")
        assert again.tx_hash == first.tx_hash
        assert again.block_hash != first.block_hash
        assert (await world.until_settled(outbox_id)).block_hash == again.block_hash
    assert await world.balance(to) == 5


async def test_deep_reorganisations_lose_nothing_and_double_nothing(world):
    recipients = [fresh_address() for _ in range(25)]
    async with world.relayer():
        ids = []
        for place, to in enumerate(recipients):
            ids.append(await world.enqueue(to=to, value_wei=11))
            await asyncio.sleep(0.05)
            if place % 5 == 4:
                height = int(await world.rpc("eth_blockNumber"), 16)
                await world.rpc("anvil_reorg", min(place, height), [])
        await mine(world, 3)
        for outbox_id in ids:
            await world.until(outbox_id, "mined_ok", seconds=40)
        assert (await world.until_settled(ids[-1], seconds=40)).state == "mined_ok"
    assert [await world.balance(to) for to in recipients] == [11] * 25
    assert await world.nonce(RELAYER) == 25


async def test_a_nonce_used_by_a_stranger_with_our_key_is_lost_and_the_queue_goes_on(world):
    await stop_mining(world)
    async with world.relayer(relayer_stuck_after_seconds=60):
        outbox_id = await world.enqueue()
        await world.until(outbox_id, "broadcast")
        await world.send_foreign(RELAYER, nonce=0, gwei=40)
        await mine(world)
        behind = await world.enqueue()
        await world.until(behind, "broadcast")
        await mine(world)
        assert (await world.until(behind, "mined_ok")).nonce == 1
        assert (await world.status(outbox_id)).state == "broadcast"  # not final yet: nobody can know
        lost = await world.until_settled(outbox_id)
    assert (lost.state, lost.error_code) == ("lost", "NonceTaken")


async def test_nonces_that_a_stranger_used_before_us_are_adopted(world):
    async with world.relayer():
        await world.until(await world.enqueue(), "mined_ok")
        for nonce in (1, 2, 3):
            await world.send_foreign(RELAYER, nonce)
        await asyncio.sleep(0.5)
        later = await world.until(await world.enqueue(), "mined_ok", "lost", seconds=20)
        assert (later.state, later.nonce) in {("mined_ok", 4), ("lost", 1)}
        assert (await world.until(await world.enqueue(), "mined_ok")).state == "mined_ok"


async def test_a_gap_left_by_a_strangers_dropped_transaction_is_filled(world):
    await stop_mining(world)
    foreign = await world.send_foreign(RELAYER, nonce=0)
    async with world.relayer():  # begins behind what it sees pending
        outbox_id = await world.enqueue()
        assert (await world.until(outbox_id, "broadcast")).nonce == 1
        await world.rpc("anvil_dropTransaction", foreign)
        await world.rpc("evm_setIntervalMining", 1)
        assert (await world.until(outbox_id, "mined_ok")).nonce == 1
    fillers = await world.rows("SELECT kind, nonce FROM relay.attempt WHERE outbox_id IS NULL")
    assert fillers == [{"kind": "no_op", "nonce": 0}]


async def test_what_no_block_can_take_gives_its_nonce_to_a_no_op_and_is_refused(world):
    await world.rpc("evm_setBlockGasLimit", hex(25_000_000))
    async with world.relayer():
        impossible = await world.enqueue(gas_limit=29_000_000)
        behind = await world.enqueue()
        refused = await world.until(impossible, "refused")
        assert (await world.until(behind, "mined_ok")).nonce == refused.nonce + 1
        assert refused.error_code == "Unmineable"
        assert not refused.settled
        assert (await world.until_settled(impossible)).state == "refused"
    assert [attempt["kind"] for attempt in await world.attempts(impossible)] == ["request", "no_op"]


async def test_rpc_that_dies_in_the_middle_costs_time_only(world):
    recipients = [fresh_address() for _ in range(10)]
    ids = [await world.enqueue(to=to, value_wei=3) for to in recipients]
    async with world.relayer(rpc_urls="http://127.0.0.1:9"):
        await asyncio.sleep(0.5)
        assert {(await world.status(outbox_id)).state for outbox_id in ids} == {"queued"}
    async with world.relayer(rpc_urls=f"http://127.0.0.1:9,{world.rpc_url}"):
        for outbox_id in ids:
            await world.until(outbox_id, "mined_ok")
    assert [await world.balance(to) for to in recipients] == [3] * 10


@pytest.mark.parametrize("answers", [True, False])
async def test_not_knowing_whether_a_node_took_it_is_no_reason_to_send_another(world, flaky_node, answers):
    """Every broadcast fails, after the node has it or before."""
    flaky_node.lose(SEND, deliver=answers)
    to = fresh_address()
    async with world.relayer(rpc_urls=flaky_node.url):
        outbox_id = await world.enqueue(to=to, value_wei=21)
        if answers:
            await world.until(outbox_id, "mined_ok")
        else:
            await world.until(outbox_id, "broadcast")
            await asyncio.sleep(1)
            flaky_node.heal()
            await world.until(outbox_id, "mined_ok")
    assert await world.balance(to) == 21
    assert await world.nonce(RELAYER) == 1


async def test_a_chain_that_was_reset_halts_the_key_and_says_what_to_do(world):
    async with world.relayer():
        outbox_id = await world.enqueue()
        await world.until(outbox_id, "mined_ok")
        await world.until_settled(outbox_id)
        await world.rpc("anvil_setNonce", RELAYER.address, "0x0")
        later = await world.enqueue()
        halted = await eventually(
            lambda: world.rows("SELECT halted FROM relay.lane WHERE halted IS NOT NULL"), bool, "halted"
        )
        assert "reset" in halted[0]["halted"]
        assert "MOLT_HOME" in halted[0]["halted"]
        assert (await world.status(later)).state == "queued"


async def test_another_chain_with_the_same_id_halts_the_key(world, other_chain):
    async with world.relayer():
        await world.until(await world.enqueue(), "mined_ok")
    async with world.relayer(rpc_urls=other_chain):
        later = await world.enqueue()
        halted = await eventually(
            lambda: world.rows("SELECT halted FROM relay.lane WHERE halted IS NOT NULL"), bool, "halted"
        )
        assert "genesis" in halted[0]["halted"]
        assert (await world.status(later)).state == "queued"
    async with world.relayer():
        assert (await world.until(later, "mined_ok")).nonce == 1
