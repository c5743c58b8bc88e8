"""The process: what it tells others, and how it ends."""

import asyncio
import os
import subprocess
import sys

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from ledger import db
from relayer import outbox
from tests.relayer.world import RELAYER, ROOT, eventually, fresh_address


async def test_every_change_of_a_request_is_told(world):
    async with await db.connect_async(world.database_url, "molt_api", autocommit=True) as listener:
        await listener.execute(f"LISTEN {outbox.CHANGED}")
        async with world.relayer():
            outbox_id = await world.enqueue()
            await world.until(outbox_id, "mined_ok")
            await world.until_settled(outbox_id)
        heard = [told.payload async for told in listener.notifies(timeout=1)]
    assert heard.count(str(outbox_id)) >= 3  # signed, broadcast or mined, settled


async def test_lanes_are_seen_by_the_api(world):
    async with world.relayer():
        await world.until(await world.enqueue(), "mined_ok")
        async with AsyncSession(world.engine) as session:
            lanes = {lane.address: lane for lane in await outbox.lanes(session)}
    lane = lanes[bytes.fromhex(RELAYER.address.removeprefix("0x"))]
    assert (lane.chain_id, lane.next_nonce, lane.halted, lane.alarm) == (84532, 1, None, None)
    assert lane.balance_wei is not None
    assert lane.seen_seconds_ago < 60


async def test_a_key_that_runs_low_raises_its_alarm_until_it_is_funded(world):
    address = bytes.fromhex(RELAYER.address.removeprefix("0x"))

    async def alarm() -> str | None:
        return (await world.rows("SELECT alarm FROM relay.lane WHERE address = %s", address) or [{"alarm": None}])[0][
            "alarm"
        ]

    await world.rpc("anvil_setBalance", "0x" + address.hex(), hex(10**15))
    async with world.relayer():
        await eventually(alarm, lambda found: found is not None and "fund" in found, "alarm")
        raised = await world.rows("SELECT address FROM relay.lane WHERE alarm IS NOT NULL")
        assert [lane["address"] for lane in raised] == [address]  # of this key and of no other
    await world.rpc("anvil_setBalance", "0x" + address.hex(), hex(10**18))
    async with world.relayer():
        await eventually(alarm, lambda found: found is None, "no alarm")


async def test_a_wrong_chain_is_not_written_to(world):
    async with world.relayer(chain_id=8453):
        outbox_id = await world.enqueue()
        await asyncio.sleep(1)
    assert (await world.status(outbox_id)).state == "queued"
    assert await world.rows("SELECT 1 FROM relay.lane") == []


@pytest.mark.slow
async def test_a_hundred_requests_a_key_take_seconds(world):
    """Not a benchmark: it notices when somebody makes a pass wait for each transaction."""
    async with world.relayer(relayer_max_in_flight=64):
        recipients = [fresh_address() for _ in range(100)]
        ids = [await world.enqueue(to=to) for to in recipients]
        await world.until(ids[-1], "mined_ok", seconds=15)
    assert await world.nonce(RELAYER) == 100


def test_migrate_twice_then_status(postgres_url, relay_template):
    def relayer(command: str) -> str:
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": postgres_url, "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, "-m", "relayer", command],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    db.migrate(postgres_url, "ledger")
    relayer("migrate")
    relayer("migrate")
    shown = relayer("status")
    assert "Keys" in shown
    assert "Requests" in shown
