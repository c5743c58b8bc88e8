"""Any one column of any one row altered, any row missing, any row too many: each is named, and nothing else is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Table

from indexer import chain as rpc
from indexer import digests, lead, rebuild
from indexer.settings import Settings
from ledger import db, record
from ledger.models import EVENT_TABLES, block
from ledger.reconciliation import Difference
from tests.indexer.mirroring import catch_up
from tests.indexer.world import DAY, World

_OTHERS: dict[str, str] = {
    "bytea": "set_byte({0}, octet_length({0}) - 1, get_byte({0}, octet_length({0}) - 1) # 1)",
    "bigint": "{0} + 1",
    "integer": "{0} + 1000",
    "smallint": "{0} # 1",
    "boolean": "NOT {0}",
    "timestamp with time zone": "{0} + interval '1 microsecond'",
    "jsonb": """{0} || '{{"more": "1"}}'""",
    "text": "{0} || 'x'",
}
"""Another value of the type, close by."""


@pytest.fixture
async def world_of_everything(world: World, settings: Settings, chain: rpc.Chain) -> World:
    """Rows in every table, with late ones among them."""
    world.tip()
    world.set_wallet(1)
    world.claim(1)
    world.set_wallet(1)
    world.set_wallet(2)
    world.tip()
    world.pay_vault()
    world.front_run_x402()
    world.flush()
    world.tip_x402(ref=9)
    world.set_min_tip()
    world.travel(31 * DAY)
    world.sweep(2)
    await catch_up(settings, chain)
    return world


@asynccontextmanager
async def with_rebuild(world: World, settings: Settings, chain: rpc.Chain) -> AsyncIterator[record.Connection]:
    """In a transaction of the database's owner, who may do what nobody may do."""
    connection = await db.connect_async(settings.database_url, "molt_indexer", autocommit=True)
    async with connection, connection.transaction(force_rollback=True):
        rebuilt = await rebuild.everything(chain, connection, lead.scope_of(settings), world.head()[0], 1000)
        assert rebuilt is not None
        await connection.execute("SET LOCAL ROLE NONE")
        for table in (*EVENT_TABLES, block):
            for name in await _checks(connection, table):
                await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")  # type: ignore[arg-type]
        yield connection


async def _checks(connection: record.Connection, table: Table) -> list[str]:
    query = "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'"
    return [name for (name,) in await (await connection.execute(query, [str(table)])).fetchall()]


async def _places(connection: record.Connection, table: Table, column: str | None = None) -> list[tuple[Any, ...]]:
    """Keys of rows: of the first and the last one in which the column says something."""
    key = "number, 0" if table is block else "block_number, log_index"
    where = "has_events" if table is block else f"{column} IS NOT NULL" if column else "TRUE"
    found = await connection.execute(f"SELECT {key} FROM {table} WHERE {where} ORDER BY 1, 2")  # type: ignore[arg-type]
    rows = await found.fetchall()
    return list(dict.fromkeys([rows[0], rows[-1]])) if rows else []


async def _after(
    connection: record.Connection, world: World, settings: Settings, statement: str, *, whole: bool = True
) -> list[Difference]:
    """What is found after the statement, which is undone."""
    blocks = digests.Blocks(settings.chain_id, world.deployment.deployed_at_block, world.head()[0], whole=whole)
    async with connection.transaction(force_rollback=True):
        done = await connection.execute(statement)  # type: ignore[arg-type]
        assert done.rowcount == 1, statement
        compared = await digests.compare(connection, blocks)
        assert compared.unnamed == 0
        return compared.differences


def _at(table: Table, place: tuple[Any, ...]) -> str:
    if table is block:
        return f"number = {place[0]}"
    return f"block_number = {place[0]} AND log_index = {place[1]}"


async def test_any_altered_column_is_named(world_of_everything: World, settings: Settings, chain: rpc.Chain) -> None:
    altered = 0
    async with with_rebuild(world_of_everything, settings, chain) as connection:
        assert await _after(connection, world_of_everything, settings, "SELECT 1") == []
        for table in (*EVENT_TABLES, block):
            key = {"chain_id", "number" if table is block else "block_number", "log_index"}
            for column in table.columns:
                if column.computed is not None:
                    continue
                places = await _places(connection, table, column.name)
                assert places, f"{table}.{column.name} says nothing anywhere"
                other = f"{column.name} + 10000" if column.name in key else _OTHERS[_kind(column)].format(column.name)
                for place in places:
                    where = _at(table, place)
                    statement = f"UPDATE {table} SET {column.name} = {other} WHERE {where}"
                    found = await _after(connection, world_of_everything, settings, statement)
                    named = [each for each in found if _is_at(each, table, place)]
                    assert named, f"{statement}: {found}"
                    if column.name not in key:
                        columns = {each.column for each in named}
                        assert column.name in columns, statement
                        assert columns <= {column.name, "platform_share_micro_usdc"}, statement
                        assert found == named, statement
                    altered += 1
    assert altered > 100


async def test_any_missing_row_and_any_row_too_many_is_named(
    world_of_everything: World, settings: Settings, chain: rpc.Chain
) -> None:
    async with with_rebuild(world_of_everything, settings, chain) as connection:
        for table in (*EVENT_TABLES, block):
            for place in await _places(connection, table):
                gone = f"DELETE FROM {table} WHERE {_at(table, place)}"
                found = await _after(connection, world_of_everything, settings, gone)
                assert [(each.where, each.ledger, each.column) for each in found] == [(table.name, None, None)]
                assert _is_at(found[0], table, place)
                if table is block:
                    continue
                names = ", ".join(column.name for column in table.columns if column.computed is None)
                more = names.replace("log_index", "log_index + 1000")
                twice = f"INSERT INTO {table} ({names}) SELECT {more} FROM {table} WHERE {_at(table, place)}"
                found = await _after(connection, world_of_everything, settings, twice)
                assert [(each.where, each.chain, each.column) for each in found] == [(table.name, None, None)]
                assert found[0].place == {"block_number": place[0], "log_index": place[1] + 1000}


async def test_of_very_many_differences_the_first_are_named_and_the_others_counted(
    world_of_everything: World, settings: Settings, chain: rpc.Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "_NAMED", 3)
    blocks = digests.Blocks(settings.chain_id, 1, world_of_everything.head()[0], whole=True)
    async with with_rebuild(world_of_everything, settings, chain) as connection:
        counted = await connection.execute("UPDATE ledger.usdc_transfer SET amount_micro_usdc = 7")
        compared = await digests.compare(connection, blocks)
    assert [each.where for each in compared.differences] == ["usdc_transfer"] * 3
    assert compared.unnamed == counted.rowcount - 3
    places = [tuple(each.place.values()) for each in compared.differences]
    assert places == sorted(places)


def _kind(column: Any) -> str:
    from sqlalchemy.dialects import postgresql

    return column.type.compile(dialect=postgresql.dialect()).lower()


def _is_at(found: Difference, table: Table, place: tuple[Any, ...]) -> bool:
    return found.where == table.name and tuple(found.place.values()) == place[: len(found.place)]
