"""One node alone does not decide what is final, nor which chain it is, nor what a vault got before its deployment."""

import asyncio
from typing import Any

import pytest

from indexer import chain as rpc
from indexer import lead
from indexer.settings import Settings
from tests.indexer.lying import lying
from tests.indexer.mirroring import catch_up, indexer, rows, until_mirrored, verified
from tests.indexer.world import World
from tests.kit.faults import Faults
from tests.kit.faulty_node import FaultyNode


async def test_what_one_node_alone_calls_final_is_not(world: World, settings: Settings) -> None:
    """Believed, the next reorganisation would be deeper than finality and halt the ledger for good."""
    async with FaultyNode(world.rpc_url, seed=1) as early:
        early.faults = Faults(early_final=1)
        async with rpc.Chain([early.url, world.rpc_url]) as chain, indexer(settings, chain) as status:
            world.tip()
            world.mine(5)
            await until_mirrored(world, status)
            assert early.happened["early_final"]
            assert status.cursor is not None
            final = int(world.request("eth_getBlockByNumber", "finalized", False)["number"], 16)
            assert status.cursor.finalized_number <= max(final, status.cursor.start_number - 1)
            world.reorganise(4)
            await until_mirrored(world, status)
            await verified(settings, chain)


async def test_a_fork_that_one_node_serves_below_finality_is_not_final(world: World, settings: Settings) -> None:
    """Ranges narrower than what is final: the first ones do not reach the block that was agreed upon."""
    settings.range_blocks = 1
    world.mine(3)
    head, _ = world.head()
    orphaned = {
        hex(number): world.request("eth_getBlockByNumber", hex(number), False) for number in range(head - 2, head + 1)
    }
    world.reorganise(3)
    world.tip()
    world.mine(130)

    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        return orphaned.get(parameters[0], result) if method == "eth_getBlockByNumber" else result

    async with (
        lying(world.rpc_url, lie) as liar,
        rpc.Chain([liar.url, world.rpc_url], first_rest_seconds=0.5) as chain,
        indexer(settings, chain) as status,
    ):
        await until_mirrored(world, status)
        await verified(settings, chain)


async def test_one_of_two_on_another_chain_is_left(world: World, settings: Settings) -> None:
    async with FaultyNode(world.rpc_url, seed=1) as stranger:
        stranger.faults = Faults(other_chain=1)
        world.tip()
        async with rpc.Chain([stranger.url, world.rpc_url]) as chain:
            await catch_up(settings, chain)
        async with rpc.Chain([stranger.url]) as chain:
            with pytest.raises(lead.WrongChain, match="RPC_URLS"):
                await catch_up(settings, chain)
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(1,)]


async def test_what_a_vault_got_before_its_deployment_is_all(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No header proves an older transfer: the vault's balance does."""
    for _ in range(2):
        world.pay_vault()
    async with rpc.Chain([world.rpc_url]) as chain, indexer(settings, chain) as status:
        await until_mirrored(world, status)
        honest = rpc.Chain.logs

        async def one_left_out(self: rpc.Chain, *asked: Any, **how: Any) -> Any:
            return (await honest(self, *asked, **how))[:-1]

        monkeypatch.setattr(rpc.Chain, "logs", one_left_out)
        world.deploy_vault()
        for _ in range(500):
            if status.retries["BadAnswer"]:
                break
            await asyncio.sleep(0.01)
        assert status.retries["BadAnswer"]
        assert rows(settings.database_url, "SELECT count(*) FROM ledger.vault_deployed") == [(0,)]
        monkeypatch.undo()
        await until_mirrored(world, status)
        await verified(settings, chain)
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.usdc_transfer") == [(2,)]
