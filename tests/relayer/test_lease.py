"""Who may write for a key."""

import asyncio
import signal

import psycopg
import pytest

from ledger import db
from relayer.lease import Lease, LeaseLost
from tests.relayer.world import RELAYER, eventually

ADDRESS = b"\x0a" * 20
GENESIS = b"\x0b" * 32


@pytest.fixture
async def connections(relay_url):
    made = [await db.connect_async(relay_url, "molt_relayer", autocommit=True) for _ in range(2)]
    yield made
    for connection in made:
        await connection.close()


async def test_one_at_a_time_for_each_key_and_chain(connections):
    first, second = connections
    assert await Lease(first, ADDRESS, 1).acquire()
    assert not await Lease(second, ADDRESS, 1).acquire()
    assert await Lease(second, ADDRESS, 2).acquire()
    assert await Lease(second, b"\x0c" * 20, 1).acquire()


async def test_it_ends_with_the_session(connections):
    first, second = connections
    await Lease(first, ADDRESS, 1).acquire()
    await first.close()
    successor = Lease(second, ADDRESS, 1)
    await eventually(successor.acquire, bool, "free")


async def test_the_holder_before_us_cannot_write_even_where_locks_do_not_hold(connections):
    before, after = (Lease(connection, ADDRESS, 1) for connection in connections)
    await before.open(genesis=GENESIS, chain_nonce=4)
    await after.open(genesis=GENESIS, chain_nonce=9)
    assert (before.next_nonce, after.next_nonce) == (4, 4)  # ours decides, once there is one
    with pytest.raises(LeaseLost):
        async with before.writing():
            pytest.fail("it wrote")
    await after.advance(7)
    assert after.next_nonce == 7


async def test_a_frozen_holder_loses_the_key(connections, monkeypatch):
    monkeypatch.setattr("relayer.lease.IDLE_LIMIT_SECONDS", 1)
    frozen, other = (Lease(connection, ADDRESS, 1) for connection in connections)
    await frozen.acquire()
    await frozen.open(genesis=GENESIS, chain_nonce=0)
    await eventually(other.acquire, bool, "free", seconds=10)
    with pytest.raises(psycopg.OperationalError):
        async with frozen.writing():
            pytest.fail("it wrote")


async def test_a_standby_takes_over_when_the_holder_is_killed(world):
    first = world.process()
    await world.until(await world.enqueue(), "mined_ok", seconds=30)
    second = world.process()
    try:
        await asyncio.sleep(2)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert (await world.until(await world.enqueue(), "mined_ok", seconds=30)).nonce == 1
        lanes = await world.rows(
            "SELECT holder FROM relay.lane WHERE address = %s", bytes.fromhex(RELAYER.address.removeprefix("0x"))
        )
        assert lanes[0]["holder"].endswith(f":{second.pid}")
    finally:
        second.terminate()
        assert second.wait(10) == 0
