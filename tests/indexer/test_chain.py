"""No answer is trusted: a lie is never written, and an honest provider is asked instead."""

import asyncio
from typing import Any

import pytest
import structlog

from indexer import chain as rpc
from indexer.settings import Settings
from indexer.topics import AUTHORIZATION_USED, TRANSFER
from tests.indexer.lying import Lie, error, honest, lying
from tests.indexer.mirroring import indexer, rows, until_mirrored, verified
from tests.indexer.world import World


def _on_logs(change: Lie) -> Lie:
    def lie(method: str, parameters: list[Any], result: Any) -> Any:
        return change(method, parameters, result) if method == "eth_getLogs" and result else result

    return lie


def _without_one_transfer(_method: str, _parameters: list[Any], logs: list[Any]) -> Any:
    transfers = [log for log in logs if log["topics"][0] == TRANSFER]
    return [log for log in logs if log is not transfers[-1]] if transfers else logs


def _without_bloom(method: str, _parameters: list[Any], result: Any) -> Any:
    return {**result, "logsBloom": "0x" + "00" * 256} if method == "eth_getBlockByNumber" else result


def _of_another_block(_method: str, _parameters: list[Any], logs: list[Any]) -> Any:
    return [{**log, "blockHash": "0x" + "77" * 32} for log in logs]


LIES: dict[str, Lie] = {
    "one transfer left out": _on_logs(_without_one_transfer),
    "no logs at all": _on_logs(lambda *_: []),
    "logs of removed blocks": _on_logs(lambda _m, _p, logs: [{**log, "removed": True} for log in logs]),
    "logs of another block": _on_logs(_of_another_block),
    "headers without a bloom": _without_bloom,
    "amounts changed": _on_logs(
        lambda _m, _p, logs: [
            {**log, "data": hex(int(log["data"], 16) + 1)} if log["topics"][0] == TRANSFER else log for log in logs
        ]
    ),
    "no answers": lambda *_: None,
}


@pytest.mark.parametrize("lie", LIES)
async def test_an_honest_provider_is_asked_instead(world: World, settings: Settings, lie: str) -> None:
    settings.receipts = "never"
    async with (
        lying(world.rpc_url, LIES[lie]) as liar,
        rpc.Chain([liar.url, world.rpc_url]) as chain,
        indexer(settings, chain) as status,
    ):
        for _ in range(3):
            world.tip()
        await until_mirrored(world, status)
        assert chain.providers[0].outcomes.keys() - {"ok"}  # it was caught
        await verified(settings, chain)
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(3,)]


@pytest.mark.parametrize("lie", ["one transfer left out", "no logs at all"])
async def test_a_lie_without_alternative_halts_and_is_never_written(world: World, settings: Settings, lie: str) -> None:
    settings.receipts = "never"
    world.tip()
    async with (
        lying(world.rpc_url, LIES[lie]) as liar,
        rpc.Chain([liar.url], first_rest_seconds=0.02) as chain,
        indexer(settings, chain) as status,
    ):
        for _ in range(1500):
            if status.cursor is not None and status.cursor.status == "halted":
                break
            await asyncio.sleep(0.01)
        assert status.cursor is not None
        assert status.cursor.status == "halted"
        assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(0,)]
        liar.lie = honest
        await until_mirrored(world, status)
        assert status.cursor.status != "halted"
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(1,)]


async def test_receipts_tell_how_a_vault_was_paid_before_it_was_deployed(world: World, settings: Settings) -> None:
    """No bloom and no book shows that the authorization of such a payment was left out (history 30317)."""

    def without_authorizations(_method: str, _parameters: list[Any], logs: list[Any]) -> Any:
        return [log for log in logs if log["topics"][0] != AUTHORIZATION_USED]

    async with (
        lying(world.rpc_url, _on_logs(without_authorizations)) as liar,
        rpc.Chain([liar.url]) as chain,
        indexer(settings, chain) as status,
    ):
        await asyncio.to_thread(world.front_run_x402)
        await until_mirrored(world, status)
        await asyncio.to_thread(world.deploy_vault)
        await until_mirrored(world, status)
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.authorization_used") == [(1,)]


async def test_nothing_begins_upon_a_forged_header(world: World, settings: Settings) -> None:
    """The block before the start is the ledger's first head: with a false hash there no rewind would find a fork."""
    world.tip()
    async with (
        lying(world.rpc_url, LIES["headers without a bloom"]) as liar,
        rpc.Chain([liar.url], first_rest_seconds=0.02) as chain,
        indexer(settings, chain) as status,
    ):
        for _ in range(1500):
            if status.retries["Unavailable"]:
                break
            await asyncio.sleep(0.01)
        assert status.retries["Unavailable"]
        assert rows(settings.database_url, "SELECT count(*) FROM ledger.cursor") == [(0,)]
        liar.lie = honest
        await until_mirrored(world, status)
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(1,)]


@pytest.mark.parametrize(
    ("message", "most_refusals"), [("range too wide", 40), ("block range too large, max 20 blocks", 12)]
)
async def test_refused_ranges_are_halved_or_as_the_node_says(
    world: World, settings: Settings, message: str, most_refusals: int
) -> None:
    """Some nodes answer an error where a range is wider than they like."""
    widest, refused = [], []

    def refuse(questions: list[dict[str, Any]]) -> Any:
        ranges = [each["params"][0] for each in questions if each["method"] == "eth_getLogs"]
        widths = [int(each["toBlock"], 16) - int(each["fromBlock"], 16) + 1 for each in ranges if "toBlock" in each]
        if max(widths, default=0) > 20:
            refused.append(max(widths))
            return error(questions, -32602, message)
        widest.extend(widths)
        return None

    world.tip()
    world.mine(500)
    async with (
        lying(world.rpc_url, refuse=refuse) as narrow,
        rpc.Chain([narrow.url]) as chain,
        indexer(settings, chain) as status,
    ):
        await until_mirrored(world, status)
        assert chain.provider.strikes == 0
    assert max(widest) == 20 if "20" in message else max(widest) <= 20
    assert len(refused) <= most_refusals
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.tip_split") == [(1,)]


async def test_a_provider_that_fails_is_left_and_named_without_its_key(
    world: World,
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
) -> None:
    from indexer import log as logs

    logs.configure("json", "info")
    request.addfinalizer(structlog.reset_defaults)
    dead = "http://127.0.0.1:9/v3/secret-key"
    async with rpc.Chain([dead, world.rpc_url], timeout_seconds=2) as chain, indexer(settings, chain) as status:
        world.tip()
        await until_mirrored(world, status)
    # An earlier test may have sent the process's logs through `logging`, as the API does.
    said = capsys.readouterr().err + caplog.text
    assert "127.0.0.1:9" in said
    assert "secret-key" not in said
