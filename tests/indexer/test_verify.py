"""`python -m indexer verify` says equal when it is, and otherwise names what is not."""

import json
import subprocess
import sys
from typing import Any

import pytest

from indexer import chain as rpc
from indexer import verify
from indexer.settings import Settings
from ledger import db
from tests.indexer.mirroring import catch_up, indexer, rows, until_mirrored
from tests.indexer.world import World


@pytest.fixture
async def filled(world: World, settings: Settings, chain: rpc.Chain) -> World:
    for _ in range(3):
        world.tip()
        world.travel(10)  # a bucket for each, which no other row names
    world.set_wallet(1)
    world.pay_vault()
    world.flush()
    world.tip_with_authorization()
    await catch_up(settings, chain)
    return world


def _verify(world: World, settings: Settings) -> tuple[int, str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "indexer", "verify"],
        env=world.environment(settings.database_url),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, json.loads(done.stdout.splitlines()[-1])


def _by_hand(settings: Settings, statement: str) -> None:
    with db.connect(settings.database_url) as owner:
        owner.execute(statement)  # type: ignore[call-overload]


def test_an_untouched_ledger_is_equal(filled: World, settings: Settings) -> None:
    code, said, summary = _verify(filled, settings)
    assert (code, summary["equal"], summary["differences"]) == (0, True, 0)
    assert summary["rows"]["tip_split"] == 5
    assert "totalHeld" in said
    assert rows(settings.database_url, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%%scratch%%'") == [(0,)]


def test_an_altered_amount_is_named(filled: World, settings: Settings) -> None:
    ((number, index, amount),) = rows(
        settings.database_url,
        "SELECT block_number, log_index, creator_share_micro_usdc FROM ledger.tip_split"
        " ORDER BY block_number, log_index LIMIT 1",
    )
    one_less = "UPDATE ledger.tip_split SET creator_share_micro_usdc = creator_share_micro_usdc - 1"
    _by_hand(settings, f"{one_less} WHERE block_number = {number}")
    code, said, summary = _verify(filled, settings)
    assert code == 1
    found = {each["column"]: each for each in summary["first_differences"]}
    share = found["creator_share_micro_usdc"]
    assert share["where"] == "tip_split"
    assert share["place"] == {"block_number": number, "log_index": index}
    assert (share["ledger"], share["chain"]) == (amount - 1, amount)
    assert f"tip_split: block_number {number}, log_index {index}: creator_share_micro_usdc is {amount - 1}" in said


def test_a_missing_row_is_named(filled: World, settings: Settings) -> None:
    ((number, index),) = rows(
        settings.database_url, "SELECT block_number, log_index FROM ledger.share_held ORDER BY 1, 2 LIMIT 1"
    )
    _by_hand(settings, f"DELETE FROM ledger.share_held WHERE block_number = {number} AND log_index = {index}")
    code, said, summary = _verify(filled, settings)
    assert code == 1
    row = next(each for each in summary["first_differences"] if each["where"] == "share_held")
    assert row["place"] == {"block_number": number, "log_index": index}
    assert (row["ledger"], row["column"]) == (None, None)
    assert "the chain has a row that the ledger has not" in said
    assert {"bucket", "totalHeld"} <= {each["where"] for each in summary["first_differences"]}


def test_a_row_too_many_is_named(filled: World, settings: Settings) -> None:
    _by_hand(
        settings,
        """INSERT INTO ledger.usdc_transfer SELECT chain_id, block_number, log_index + 100, tx_hash, from_address,
        to_address, amount_micro_usdc, noticed_block_number FROM ledger.usdc_transfer LIMIT 1""",
    )
    code, said, summary = _verify(filled, settings)
    assert code == 1
    assert [each["chain"] for each in summary["first_differences"] if each["where"] == "usdc_transfer"] == [None]
    assert "the ledger has a row that the chain has not" in said


def test_a_wrong_block_is_named(filled: World, settings: Settings) -> None:
    _by_hand(settings, "UPDATE ledger.block SET timestamp = timestamp + interval '1 s' WHERE has_events")
    code, _, summary = _verify(filled, settings)
    assert code == 1
    assert {(each["where"], each["column"]) for each in summary["first_differences"]} == {("block", "timestamp")}


def test_an_empty_ledger_says_what_to_do(world: World, settings: Settings) -> None:
    code, said, _ = _verify(world, settings)
    assert code == 1
    assert "python -m indexer run" in said


async def test_it_works_while_the_indexer_runs_and_the_chain_grows(
    filled: World, settings: Settings, chain: rpc.Chain
) -> None:
    async with indexer(settings, chain) as status, rpc.Chain([filled.rpc_url]) as other:
        for _ in range(4):
            filled.tip()
            filled.reorganise(2)
            report = await verify.verify(settings, other)
            assert report.differences == []
        await until_mirrored(filled, status)


def test_rebuild_fills_an_altered_ledger_anew(filled: World, settings: Settings) -> None:
    _by_hand(settings, "DELETE FROM ledger.share_held; UPDATE ledger.tip_split SET amount_micro_usdc = 10^9")
    environment = filled.environment(settings.database_url)
    subprocess.run([sys.executable, "-m", "indexer", "rebuild", "--yes"], env=environment, check=True)
    code, _, summary = _verify(filled, settings)
    assert (code, summary["equal"]) == (0, True)
