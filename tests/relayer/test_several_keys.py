"""Several keys of one name: each its own queue, each request one key's."""

import asyncio
from collections import Counter

import pytest
import structlog

from ledger import db
from relayer import record, service
from relayer.fees import Fees
from relayer.keys import Signed, Unsigned
from relayer.lease import Lease, LeaseLost
from relayer.settings import SettingsError
from tests.relayer.world import RELAYERS, World, address_of, eventually, fresh_address, key_of

GWEI = 10**9
FIRST, SECOND, THIRD = map(address_of, RELAYERS)


def share(world: World, count: int) -> None:
    """So many keys answer to `relayer`."""
    world.keys["RELAYER_KEY"] = ",".join(map(key_of, RELAYERS[:count]))


async def alarm_of(world: World, address: bytes) -> str:
    rows = await world.rows("SELECT alarm FROM relay.lane WHERE address = %s", address)
    return (rows[0]["alarm"] if rows else None) or ""


async def signed_by(world: World) -> Counter[bytes]:
    rows = await world.rows("SELECT sender, count(*) FROM relay.outbox WHERE nonce IS NOT NULL GROUP BY sender")
    return Counter({row["sender"]: row["count"] for row in rows})


async def test_they_send_in_parallel_each_in_the_order_of_its_own_nonces(world):
    share(world, 3)
    await world.rpc("evm_setAutomine", False)
    recipients = [fresh_address() for _ in range(30)]
    async with world.relayer(relayer_max_in_flight=8):
        ids = [await world.enqueue(to=to, value_wei=7) for to in recipients]
        await eventually(lambda: signed_by(world), lambda by: set(by.values()) == {8}, "8 in flight of each key")
        await world.rpc("evm_setIntervalMining", 1)
        for outbox_id in ids:
            await world.until(outbox_id, "mined_ok")
    assert [await world.balance(to) for to in recipients] == [7] * 30
    for account in RELAYERS:
        nonces = await world.rows(
            "SELECT nonce FROM relay.outbox WHERE sender = %s ORDER BY sequence", address_of(account)
        )
        assert [row["nonce"] for row in nonces] == list(range(await world.nonce(account)))


async def test_while_the_transactions_of_one_are_stuck_the_other_goes_on(world):
    await world.rpc("evm_setAutomine", False)
    thrift = {"relayer_max_priority_fee_gwei": "1"}  # so no replacement is ever allowed
    async with world.relayer(**thrift):
        stuck = [await world.enqueue() for _ in range(2)]
        for outbox_id in stuck:
            await world.until(outbox_id, "broadcast")
    await world.rpc("anvil_setNextBlockBaseFeePerGas", hex(10 * GWEI))
    await world.rpc("anvil_mine")
    assert {(await world.status(outbox_id)).state for outbox_id in stuck} == {"broadcast"}
    share(world, 2)
    async with world.relayer(**thrift):
        await eventually(lambda: alarm_of(world, FIRST), lambda said: "cannot be replaced" in said, "stuck")
        await world.rpc("evm_setAutomine", True)
        for _ in range(5):
            outgoing = await world.until(await world.enqueue(), "mined_ok")
            assert outgoing.sender == SECOND
        assert {(await world.status(outbox_id)).state for outbox_id in stuck} == {"broadcast"}
        await world.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        await world.rpc("anvil_mine")
        for outbox_id in stuck:
            assert (await world.until(outbox_id, "mined_ok")).sender == FIRST
    assert (await world.nonce(RELAYERS[0]), await world.nonce(RELAYERS[1])) == (2, 5)


@pytest.mark.parametrize("balance_wei", [0, 10 * 21_000 * GWEI // 4], ids=["nothing", "less than the next one costs"])
async def test_a_key_that_cannot_pay_takes_nothing_and_the_others_do(world, balance_wei):
    share(world, 2)
    await world.rpc("anvil_setBalance", RELAYERS[0].address, hex(balance_wei))
    async with world.relayer():
        ids = [await world.enqueue(gas_limit=250_000) for _ in range(10)]
        senders = {(await world.until(outbox_id, "mined_ok")).sender for outbox_id in ids}
        assert senders == {SECOND}
        await eventually(lambda: alarm_of(world, FIRST), lambda said: "fund this key" in said, "alarm")
        assert await alarm_of(world, SECOND) == ""
        await world.rpc("anvil_setBalance", RELAYERS[0].address, hex(10**20))
        await world.rpc("anvil_setBalance", RELAYERS[1].address, "0x0")
        outgoing = await world.until(await world.enqueue(gas_limit=250_000), "mined_ok")
        assert outgoing.sender == FIRST


async def test_what_no_key_can_pay_for_waits_and_blocks_none_of_them(world):
    share(world, 2)
    async with world.relayer():
        unpayable = await world.enqueue(value_wei=10**30)
        for _ in range(3):
            await world.until(await world.enqueue(), "mined_ok", seconds=8)
        assert (await world.status(unpayable)).state == "queued"


async def test_a_retired_key_finishes_what_it_signed_and_takes_nothing_new(world):
    await world.rpc("evm_setAutomine", False)
    async with world.relayer():
        signed = await world.enqueue()
        await world.until(signed, "broadcast")
    share(world, 2)
    async with world.relayer(relayer_retired=RELAYERS[0].address):
        ids = [await world.enqueue() for _ in range(3)]
        await world.rpc("evm_setIntervalMining", 1)
        assert {(await world.until(outbox_id, "mined_ok")).sender for outbox_id in ids} == {SECOND}
        assert (await world.until(signed, "mined_ok")).sender == FIRST


@pytest.mark.parametrize("retired", [RELAYERS[0].address, "0xnonsense"])
async def test_retiring_the_only_key_of_a_name_is_a_mistake(world, retired):
    with pytest.raises(SettingsError, match="RELAYER_RETIRED"):
        await service.run(world.settings(relayer_retired=retired))


async def test_a_key_that_was_taken_out_too_soon_is_missed_aloud(world, monkeypatch):
    await world.rpc("evm_setAutomine", False)
    async with world.relayer():
        await world.until(await world.enqueue(), "broadcast")
    world.keys["RELAYER_KEY"] = key_of(RELAYERS[1])
    told = structlog.testing.LogCapture()  # of its own: a logger that another test configured keeps its processors
    monkeypatch.setattr("relayer.service.log", structlog.wrap_logger(structlog.PrintLogger(), processors=[told]))
    async with world.relayer():
        await eventually(lambda: _events(told.entries), lambda found: "requests_without_key" in found, "told")
    missed = next(entry for entry in told.entries if entry["event"] == "requests_without_key")
    assert (missed["address"], missed["requests"]) == (RELAYERS[0].address.lower(), 1)


async def _events(told) -> list[str]:
    return [entry["event"] for entry in told]


async def test_two_relayers_compete_for_each_key_and_every_request_is_sent_once(world):
    share(world, 2)
    recipients = [fresh_address() for _ in range(40)]
    async with world.relayer(relayer_max_in_flight=4), world.relayer(relayer_max_in_flight=4):
        ids = [await world.enqueue(to=to, value_wei=7) for to in recipients]
        for outbox_id in ids:
            await world.until(outbox_id, "mined_ok")
    assert [await world.balance(to) for to in recipients] == [7] * 40
    assert await world.nonce(RELAYERS[0]) + await world.nonce(RELAYERS[1]) == 40
    assert len(await signed_by(world)) == 2


@pytest.mark.slow
async def test_a_hundred_over_three_keys_and_killed_in_the_middle_each_settles_once(world):
    share(world, 3)
    await world.rpc("evm_setAutomine", False)
    await world.rpc("evm_setIntervalMining", 1)
    recipients = [fresh_address() for _ in range(100)]
    ids = [await world.enqueue(to=to, value_wei=7) for to in recipients]
    for killed_at in (20, 50, 80):
        process = world.process(RELAYER_MAX_IN_FLIGHT="8")
        await eventually(
            lambda: signed_by(world), lambda by, enough=killed_at: by.total() >= enough, f"{killed_at} signed", 30
        )
        process.kill()
        process.wait()
    async with world.relayer():
        for outbox_id in ids:
            await world.until(outbox_id, "mined_ok", seconds=60)
        for outbox_id in ids:
            await world.until_settled(outbox_id)
    assert [await world.balance(to) for to in recipients] == [7] * 100
    assert sum([await world.nonce(account) for account in RELAYERS]) == 100
    assert set(await signed_by(world)) == {FIRST, SECOND, THIRD}
    twice = "SELECT outbox_id FROM relay.attempt GROUP BY outbox_id HAVING count(DISTINCT (sender, nonce)) > 1"
    assert await world.rows(twice) == []


# ------------------------------------------------------------------------------------------------------------- claims


@pytest.fixture
async def leases(relay_url):
    """Two keys' leases."""
    opened = []
    for address in (FIRST, SECOND):
        lease = Lease(await db.connect_async(relay_url, "molt_relayer", autocommit=True), address, 84532)
        assert await lease.acquire()
        await lease.open(genesis=bytes(32), chain_nonce=0)
        opened.append(lease)
    yield opened
    for lease in opened:
        await lease.connection.close()


def a_signature(lease: Lease) -> Signed:
    unsigned = Unsigned(84532, lease.next_nonce, bytes(20), b"", 0, 21_000, Fees(2, 1))
    return Signed(unsigned, raw=b"raw", tx_hash=lease.address + bytes(12))


async def claimed(lease: Lease, limit: int = 10):
    return await record.claimed(lease, ["relayer"], limit, declined=[])


async def test_what_one_claimed_the_other_does_not_see(world, leases):
    first, second = leases
    ids = [await world.enqueue() for _ in range(4)]
    assert [request.id for request in await claimed(first, 3)] == ids[:3]
    assert [request.id for request in await claimed(second, 3)] == ids[3:]
    await record.released(first)
    assert [request.id for request in await claimed(second)] == ids[:3]


async def test_a_claim_ends_by_itself_and_then_only_the_newer_one_can_sign(world, leases, monkeypatch):
    monkeypatch.setattr(record, "CLAIM_SECONDS", 0.2)
    first, second = leases
    await world.enqueue()
    (request,) = await claimed(first)
    assert await claimed(second) == []
    await asyncio.sleep(0.3)
    assert await claimed(second) == [request]
    with pytest.raises(LeaseLost):
        await record.nonces_given(first, [(request, a_signature(first))])
    assert first.next_nonce == 0
    await record.nonces_given(second, [(request, a_signature(second))])
    outgoing = await world.status(request.id)
    assert (outgoing.state, outgoing.sender) == ("signed", SECOND)
    assert await claimed(first) == []


async def test_what_is_signed_cannot_be_claimed_or_released(world, leases):
    first, second = leases
    await world.enqueue()
    (request,) = await claimed(first)
    await record.nonces_given(first, [(request, a_signature(first))])
    await record.released(first)
    assert await claimed(second) == []
    with pytest.raises(LeaseLost):
        await record.nonces_given(second, [(request, a_signature(second))])
    assert (await world.status(request.id)).sender == FIRST
