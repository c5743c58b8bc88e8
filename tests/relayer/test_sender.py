"""From a request to an outcome that stands."""

import asyncio

from tests.relayer.world import RELAYER, eventually, fresh_address


async def test_a_request_is_mined_and_becomes_final(world):
    to = fresh_address()
    async with world.relayer():
        outbox_id = await world.enqueue(to=to, value_wei=12345)
        mined = await world.until(outbox_id, "mined_ok")
        assert (mined.settled, mined.nonce, mined.error_code) == (False, 0, None)
        assert mined.block_hash is not None
        assert mined.gas_used == 21000
        settled = await world.until_settled(outbox_id)
    assert (settled.state, settled.tx_hash) == ("mined_ok", mined.tx_hash)
    assert await world.balance(to) == 12345
    assert len(await world.attempts(outbox_id)) == 1


async def test_many_requests_are_in_flight_at_once_and_keep_their_order(world):
    await world.rpc("evm_setAutomine", False)
    async with world.relayer(relayer_max_in_flight=8):
        ids = [await world.enqueue() for _ in range(20)]
        await eventually(lambda: world.nonce(RELAYER, "pending"), lambda count: count == 8, "8 in flight")
        await world.rpc("evm_setIntervalMining", 1)
        mined = [await world.until(outbox_id, "mined_ok") for outbox_id in ids]
    assert [outgoing.nonce for outgoing in mined] == list(range(20))


async def test_each_key_has_its_own_queue(world):
    async with world.relayer():
        ids = [await world.enqueue(key=key) for key in ("relayer", "registrar", "faucet", "relayer")]
        mined = [await world.until(outbox_id, "mined_ok") for outbox_id in ids]
    assert len({outgoing.sender for outgoing in mined}) == 3
    assert [outgoing.nonce for outgoing in mined] == [0, 0, 0, 1]


async def test_two_names_of_one_key_share_its_nonces(world):
    world.keys["REGISTRAR_KEY"] = world.keys["RELAYER_KEY"]
    async with world.relayer():
        ids = [await world.enqueue(key=key) for key in ("relayer", "registrar", "relayer", "registrar")]
        mined = [await world.until(outbox_id, "mined_ok") for outbox_id in ids]
    assert sorted(outgoing.nonce for outgoing in mined) == [0, 1, 2, 3]


async def test_what_was_enqueued_while_no_relayer_ran_is_sent_once_it_runs(world):
    ids = [await world.enqueue() for _ in range(3)]
    async with world.relayer():
        assert [(await world.until(outbox_id, "mined_ok")).nonce for outbox_id in ids] == [0, 1, 2]


async def test_two_relayers_on_one_key_send_each_request_once(world):
    recipients = [fresh_address() for _ in range(30)]
    async with world.relayer(), world.relayer():
        ids = [await world.enqueue(to=to, value_wei=7) for to in recipients]
        for outbox_id in ids:
            await world.until(outbox_id, "mined_ok")
    assert [await world.balance(to) for to in recipients] == [7] * 30
    assert await world.nonce(RELAYER) == 30


async def test_a_key_whose_session_is_cut_is_taken_over_and_nothing_is_sent_twice(world):
    recipients = [fresh_address() for _ in range(20)]
    async with world.relayer(), world.relayer():
        ids = []
        for to in recipients:
            ids.append(await world.enqueue(to=to, value_wei=7))
            await world.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid IN"
                " (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
            )
            await asyncio.sleep(0.1)
        for outbox_id in ids:
            await world.until(outbox_id, "mined_ok", seconds=60)
    assert [await world.balance(to) for to in recipients] == [7] * 20
    assert await world.nonce(RELAYER) == 20


async def test_a_request_the_key_cannot_pay_for_waits_without_a_nonce_and_the_alarm_says_so(world):
    async with world.relayer():
        unpayable = await world.enqueue(value_wei=10**30)
        payable = await world.enqueue()
        assert (await world.until(payable, "mined_ok")).nonce == 0
        assert (await world.status(unpayable)).state == "queued"
        alarms = await world.rows("SELECT alarm FROM relay.lane WHERE address = %s", bytes.fromhex(RELAYER.address[2:]))
    assert "fund this key" in alarms[0]["alarm"]


async def test_nothing_is_signed_while_the_base_fee_is_above_the_cap(world):
    async with world.relayer(relayer_max_fee_gwei="0.5"):  # Anvil begins at 1 gwei
        outbox_id = await world.enqueue()
        await asyncio.sleep(1)
        assert (await world.status(outbox_id)).state == "queued"
        await world.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**8))
        await world.rpc("anvil_mine")
        assert (await world.until(outbox_id, "mined_ok")).gas_price_wei <= 5 * 10**8
