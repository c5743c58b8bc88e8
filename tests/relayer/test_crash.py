"""kill -9 at the moments that matter, then at random ones: nothing is lost, nothing is done twice."""

import asyncio

import pytest

from deploy.local import chain as local_chain
from tests.relayer.chaos import Chaos
from tests.relayer.flaky_node import SEND
from tests.relayer.world import RELAYER, fresh_address


@pytest.mark.parametrize(
    ("method", "deliver"),
    [
        pytest.param("eth_estimateGas", True, id="before anything is written"),
        pytest.param(SEND, False, id="after writing, before the node has it"),
        pytest.param(SEND, True, id="after the node has it, before we know"),
        pytest.param("eth_getTransactionReceipt", True, id="after it is mined, before we know"),
    ],
)
async def test_killed_at_a_known_moment(world, flaky_node, method, deliver):
    flaky_node.hold(method, deliver=deliver)
    to = fresh_address()
    outbox_id = await world.enqueue(to=to, value_wei=31)
    process = world.process(RPC_URLS=flaky_node.url)
    try:
        await asyncio.wait_for(flaky_node.reached.wait(), 30)
    finally:
        process.kill()
        process.wait()
    before = await world.attempts(outbox_id)
    assert len(before) == (0 if method == "eth_estimateGas" else 1)
    flaky_node.heal()
    async with world.relayer(rpc_urls=flaky_node.url, relayer_stuck_after_seconds=30):
        mined = await world.until(outbox_id, "mined_ok")
    after = await world.attempts(outbox_id)
    assert len(after) == 1
    assert [attempt["raw"] for attempt in before] in ([], [after[0]["raw"]])  # the same bytes, byte for byte
    assert mined.tx_hash == after[0]["tx_hash"]
    assert await world.balance(to) == 31
    assert await world.nonce(RELAYER) == 1


@pytest.mark.slow
async def test_killed_at_random_moments_under_load(world, chain):
    local_chain.mine_every(chain.rpc_url, 1)
    world.rpc_url = chain.rpc_url
    chaos = Chaos(world, seed=5)
    mining = asyncio.create_task(_finality(world))
    try:
        result = await chaos.run(kills=6)
    finally:
        mining.cancel()
    assert result.holds, result
    assert result.kills == 6


async def _finality(world) -> None:
    """The test chain has long epochs: makes everything final now and then."""
    while True:
        await asyncio.sleep(4)
        await world.rpc("anvil_mine", hex(70))
