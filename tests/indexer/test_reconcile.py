"""Whatever differs from the chain is found within one round, named, and turns readiness off until it is put right."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import pytest

from indexer import chain as rpc
from indexer import lead, reconcile
from indexer.settings import Settings
from indexer.status import Status
from ledger import db, reconciliation, record
from tests.indexer.lying import lying
from tests.indexer.mirroring import catch_up, indexer, rows, until_mirrored, verified
from tests.indexer.world import World, id_of
from tests.kit.faults import Faults
from tests.kit.faulty_node import FaultyNode

PARTS = len(reconciliation.PARTS)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "_SECOND_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(reconcile, "_SHARE", 1.0)


@pytest.fixture
async def filled(world: World, settings: Settings, chain: rpc.Chain) -> World:
    """Old blocks with holds, wallets, vaults paid before and after their deployment, and young ones."""
    for number in range(3):
        world.tip(ref=7 + number)
        world.travel(10)
    world.set_wallet(1)
    world.tip()
    world.pay_vault()
    world.flush()
    world.tip_with_authorization()
    world.tip_x402()
    world.mine(130)
    world.tip(creator=3, agent=4)
    world.pay_vault(3, 4)
    await catch_up(settings, chain)
    return world


@asynccontextmanager
async def reconciler(settings: Settings, chain: rpc.Chain) -> AsyncIterator[reconcile.Reconciler]:
    """To be stepped by hand."""
    async with reconcile.opened(settings, chain, lead.scope_of(settings), Status()) as found:
        yield found


async def a_round(found: reconcile.Reconciler) -> None:
    """Steps until every part has ended a round."""
    before = dict(found.rounds)
    for _ in range(40 * PARTS):
        await found.step()
        if all(found.rounds.get(part, 0) > before.get(part, 0) for part in reconciliation.PARTS):
            return
    raise TimeoutError(f"rounds: {found.rounds}")


def by_hand(settings: Settings, statement: str) -> None:
    with db.connect(settings.database_url) as owner:
        owner.execute(statement)  # type: ignore[call-overload]


@contextmanager
def put_back(settings: Settings, table: str) -> Iterator[None]:
    """Afterwards the table is what it was."""
    names = "chain_id, block_number, log_index, tx_hash, ref, creator_id, agent_id, payer, amount_micro_usdc," + (
        "creator_share_micro_usdc, agent_share_micro_usdc, creator_wallet, agent_wallet, held_mask, rail"
    )
    columns = names if table == "tip_split" else "*"
    by_hand(settings, f"CREATE TABLE public.saved AS SELECT {columns} FROM ledger.{table}")
    yield
    into = f"({names})" if table == "tip_split" else ""
    by_hand(settings, f"DELETE FROM ledger.{table}; INSERT INTO ledger.{table} {into} TABLE public.saved")
    by_hand(settings, "DROP TABLE public.saved")


DAMAGES = {
    "an altered amount": (
        "tip_split",
        """UPDATE ledger.tip_split SET creator_share_micro_usdc = creator_share_micro_usdc - 1
           WHERE block_number = (SELECT min(block_number) FROM ledger.tip_split)""",
        {"tip_split", "books"},
    ),
    "a missing row": (
        "share_held",
        "DELETE FROM ledger.share_held WHERE block_number = (SELECT min(block_number) FROM ledger.share_held)",
        {"share_held", "totalHeld", "books"},
    ),
    "a row too many in an old block": (
        "usdc_transfer",
        """INSERT INTO ledger.usdc_transfer SELECT chain_id, block_number, log_index + 100, tx_hash, from_address,
           to_address, amount_micro_usdc, block_number FROM ledger.usdc_transfer ORDER BY block_number LIMIT 1""",
        {"usdc_transfer"},
    ),
    "a row before the start": (
        "usdc_transfer",
        """INSERT INTO ledger.usdc_transfer SELECT chain_id, 1, log_index, tx_hash, from_address,
           to_address, amount_micro_usdc, 1 FROM ledger.usdc_transfer ORDER BY block_number LIMIT 1""",
        {"usdc_transfer"},
    ),
    "a wrong bucket": (
        "share_held",
        """UPDATE ledger.share_held SET expires_at = expires_at + interval '1 s'
           WHERE block_number = (SELECT min(block_number) FROM ledger.share_held)""",
        {"share_held", "bucket"},
    ),
    "a row noticed at the wrong time": (
        "usdc_transfer",
        """UPDATE ledger.usdc_transfer SET noticed_block_number = noticed_block_number - 1
           WHERE noticed_block_number > block_number""",
        {"usdc_transfer"},
    ),
    "a vault forgotten": ("vault_deployed", "DELETE FROM ledger.vault_deployed", {"vault_deployed"}),
    "a sum that is not the sum": ("tip_rollup", "UPDATE ledger.tip_rollup SET tips = tips + 1", {"tip_rollup"}),
    "a wallet of nobody": (
        "wallet_event",
        "UPDATE ledger.wallet_event SET wallet = decode(repeat('99', 20), 'hex')",
        {"wallet_event", "wallet"},
    ),
}


async def test_each_damage_is_found_within_one_round_and_its_repair_too(
    filled: World, settings: Settings, chain: rpc.Chain
) -> None:
    async with reconciler(settings, chain) as found:
        await a_round(found)
        assert found.known == []
        for damage, (table, statement, expected) in DAMAGES.items():
            with put_back(settings, table):
                by_hand(settings, statement)
                await a_round(found)
                assert expected <= {each.where for each in found.known}, (damage, [str(each) for each in found.known])
                assert found.status.differences == len(found.known)
                assert found.status.difference is not None
            await a_round(found)
            assert found.known == [], damage
            assert (found.status.differences, found.status.difference) == (0, None)


async def test_the_difference_names_account_block_and_row(filled: World, settings: Settings, chain: rpc.Chain) -> None:
    ((number, index, amount),) = rows(
        settings.database_url, "SELECT block_number, log_index, amount_micro_usdc FROM ledger.share_held LIMIT 1"
    )
    by_hand(
        settings,
        f"UPDATE ledger.share_held SET amount_micro_usdc = {amount + 5}"
        f" WHERE block_number = {number} AND log_index = {index}",
    )
    async with reconciler(settings, chain) as found:
        await a_round(found)
    columns = "subject, block_number, log_index, column_name, ledger_value, chain_value, accounts"
    recorded = {
        row[0]: row[1:] for row in rows(settings.database_url, f"SELECT {columns} FROM ledger.difference ORDER BY id")
    }
    assert recorded["share_held"][:5] == (number, index, "amount_micro_usdc", amount + 5, amount)
    assert recorded["share_held"][5] in ([id_of(1)], [id_of(2)])
    assert recorded["bucket"][3] - recorded["bucket"][4] == 5  # holds of one second share a bucket
    assert recorded["bucket"][5] == recorded["share_held"][5]


async def test_a_restart_goes_on_and_remembers(filled: World, settings: Settings, chain: rpc.Chain) -> None:
    by_hand(settings, "UPDATE ledger.usdc_transfer SET amount_micro_usdc = amount_micro_usdc + 1 WHERE log_index = 0")
    async with reconciler(settings, chain) as found:
        await a_round(found)
        known = {each.key for each in found.known}
    async with reconciler(settings, chain) as found:
        assert {each.key for each in found.known} == known
        assert found.status.differences == len(known) > 0
    before = rows(settings.database_url, "SELECT part, rounds FROM ledger.reconciliation")
    assert {part for part, _ in before} == set(reconciliation.PARTS)
    by_hand(settings, "UPDATE ledger.usdc_transfer SET amount_micro_usdc = amount_micro_usdc - 1 WHERE log_index = 0")
    await verified(settings, chain)  # finds everything equal: resolves what was open
    async with reconciler(settings, chain) as found:
        assert found.known == []


LIES: dict[str, Callable[[str, list[Any], Any], Any]] = {
    "other answers": lambda method, _, result: result[:-1] + "7" if method == "eth_call" else result,
    "answers cut short": lambda method, _, result: result[:-1] if method == "eth_call" else result,
    "no logs": lambda method, _, result: [] if method == "eth_getLogs" else result,
    "altered logs": lambda method, _, result: (
        [{**each, "data": each["data"][:-1] + "1"} for each in result] if method == "eth_getLogs" else result
    ),
    "another clock": lambda method, _, result: (
        {**result, "timestamp": hex(int(result["timestamp"], 16) + 1)} if method == "eth_getBlockByNumber" else result
    ),
}


async def test_a_lying_provider_raises_no_alarm(filled: World, settings: Settings) -> None:
    for lie in LIES.values():
        async with (
            lying(filled.rpc_url, lie) as liar,
            rpc.Chain([liar.url, filled.rpc_url]) as chain,
            reconciler(settings, chain) as found,
        ):
            await a_round(found)
    assert rows(settings.database_url, "SELECT count(*) FROM ledger.difference") == [(0,)]


async def test_two_faulty_nodes_raise_no_alarm_and_hide_none(filled: World, settings: Settings) -> None:
    """Each lies now and then, in its own way; what both say is so."""
    faults = Faults.every(0.01, delay=0, other_chain=0)
    async with (
        FaultyNode(filled.rpc_url, seed=1, faults=faults) as one,
        FaultyNode(filled.rpc_url, seed=2, faults=faults) as another,
        rpc.Chain([one.url, another.url]) as chain,
        reconciler(settings, chain) as found,
    ):
        for _ in range(2):
            await a_round(found)
        assert rows(settings.database_url, "SELECT count(*) FROM ledger.difference") == [(0,)]
        by_hand(settings, "UPDATE ledger.tip_split SET held_mask = held_mask # 2")
        await a_round(found)
        await a_round(found)
        assert {"tip_split", "books"} <= {each.where for each in found.known}
    assert (one.happened + another.happened).total() > 5


async def test_while_the_chain_is_reorganised_nothing_differs(
    filled: World, settings: Settings, chain: rpc.Chain
) -> None:
    busy = settings.model_copy(update={"reconcile_seconds": 0.001})
    async with indexer(busy, chain) as status:
        until = time.monotonic() + 3
        while time.monotonic() < until:
            filled.tip()
            filled.set_wallet(filled.rng.randrange(1, 9))
            filled.tip_x402(ref=filled.rng.randrange(40))
            await asyncio.sleep(0.05)
            await asyncio.to_thread(filled.reorganise, filled.rng.randrange(1, 20))
        await until_mirrored(filled, status)
        assert status.not_ready() is None
    assert rows(settings.database_url, "SELECT * FROM ledger.difference") == []
    ((slices,),) = rows(settings.database_url, "SELECT sum(slices) FROM ledger.reconciliation")
    assert slices >= 2


async def test_readiness_goes_off_and_on_again(filled: World, settings: Settings, chain: rpc.Chain) -> None:
    busy = settings.model_copy(update={"reconcile_seconds": 0.01})
    async with indexer(busy, chain) as status:
        await until_mirrored(filled, status)
        by_hand(settings, "UPDATE ledger.tip_split SET rail = 'permit' WHERE rail = 'approve'")
        await _until(lambda: status.not_ready() is not None)
        why = status.not_ready()
        assert why is not None
        assert "tip_split" in why
        assert "0x" + id_of(1).hex() in why
        by_hand(settings, "UPDATE ledger.tip_split SET rail = 'approve' WHERE rail = 'permit'")
        await _until(lambda: status.not_ready() is None)


async def _until(holds: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


async def test_where_it_goes_on_is_kept_by_part(ledger_url: str) -> None:
    async with await db.connect_async(ledger_url, "molt_indexer", autocommit=True) as connection:
        assert await reconciliation.positions(connection, 1) == {}
        assert await reconciliation.advance(connection, 1, "blocks", "7") == 0
        assert await reconciliation.advance(connection, 1, "wallets", None) == 1
        assert await reconciliation.positions(connection, 1) == {"blocks": "7", "wallets": None}
        assert await reconciliation.advance(connection, 1, "blocks", None) == 1
        assert await record.read_cursor(connection, 1) is None


async def test_it_ends_when_the_driver_hides_the_cancellation(
    world: World, settings: Settings, chain: rpc.Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As psycopg does now and then: whoever waits for its end would wait for ever."""

    @asynccontextmanager
    async def hiding(*_: object) -> AsyncIterator[None]:
        try:
            await asyncio.sleep(60)
            yield
        except asyncio.CancelledError:
            raise psycopg.OperationalError("another command is already in progress") from None

    monkeypatch.setattr(reconcile, "opened", hiding)
    settings.reconcile_seconds = 0.01

    async def a_moment() -> None:
        async with reconcile.beside(settings, chain, lead.scope_of(settings), Status(), asyncio.Event()):
            await asyncio.sleep(0.05)

    moment = asyncio.create_task(a_moment())
    ended, _ = await asyncio.wait([moment], timeout=5)
    moment.cancel()
    assert ended
