"""The rows joined from a log's hex are those that PostgreSQL would be given field by field; no other shape passes."""

from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given, settings

from indexer import chain as rpc
from indexer import fetch, rows
from indexer.chain import Log
from indexer.events import Decoder, Undecodable
from ledger import copying, db, deployment, facts
from tests.indexer.logs import CHAIN_ID, EVENTS, USDC_EVENTS, logs
from tests.indexer.world import World

_DECODER = Decoder(CHAIN_ID, deployment.abi("TipSplitter"))


def _written(log: Log, *, usdc: bool = False) -> copying.Rows:
    writer = rows.Writer(_DECODER)
    if usdc:
        writer.usdc([(log, 2**41)])
    else:
        writer.splitter([log])
    return writer.rows


@settings(max_examples=400, deadline=None)
@given(logs(list(EVENTS.values())))
def test_rows_of_the_splitter_are_those_of_the_facts(drawn: tuple[dict[str, Any], Log]) -> None:
    _, log = drawn
    assert _written(log) == copying.rows_of([_DECODER.splitter(log)])


@settings(max_examples=200, deadline=None)
@given(logs(list(USDC_EVENTS.values())))
def test_rows_of_usdc_are_those_of_the_facts(drawn: tuple[dict[str, Any], Log]) -> None:
    _, log = drawn
    assert _written(log, usdc=True) == copying.rows_of([_DECODER.usdc(log, 2**41)])


async def test_rows_of_blocks_are_those_of_the_facts(world: World, chain: rpc.Chain) -> None:
    for header in await chain.headers(range(world.head()[0] + 1)):
        for has_events in (False, True):
            fact = fetch.block_fact(CHAIN_ID, header, has_events=has_events)
            assert rows.block(CHAIN_ID, header, has_events=has_events) == copying.row("block", fact)


@settings(max_examples=100, deadline=None)
@given(logs([EVENTS["TipSplit"], EVENTS["ShareHeld"], *USDC_EVENTS.values()]))
def test_a_log_of_another_shape_is_refused(drawn: tuple[dict[str, Any], Log]) -> None:
    entry, log = drawn
    usdc = entry["name"] in USDC_EVENTS
    broken = [
        msgspec.structs.replace(log, data=log.data + "00" * 32),
        msgspec.structs.replace(log, topics=log.topics[:-1]),
        msgspec.structs.replace(log, topics=[*log.topics[:-1], log.topics[-1][:-2]]),
        msgspec.structs.replace(log, transaction_hash="0x11"),
        msgspec.structs.replace(log, log_index="0x123456789"),
    ]
    if entry["name"] != "AuthorizationUsed":
        broken += [msgspec.structs.replace(log, data="0x" + "ff" * (len(log.data) // 2 - 1))]
    for each in broken:
        with pytest.raises(Undecodable):
            _written(each, usdc=usdc)


@pytest.mark.parametrize("instead", ["zz", " 0", "  "])
@given(drawn=logs([USDC_EVENTS["Transfer"]]))
def test_what_is_no_hex_digit_is_refused(instead: str, drawn: tuple[dict[str, Any], Log]) -> None:
    _, log = drawn
    written = _written(msgspec.structs.replace(log, transaction_hash=log.transaction_hash[:-2] + instead), usdc=True)
    with pytest.raises(copying.BadHex):
        copying.stream(written["usdc_transfer"])


async def test_postgresql_reads_what_the_facts_say(ledger_url: str) -> None:
    """Every type of column, null, and the limits."""
    from datetime import UTC, datetime

    from ledger.money import MicroUsdc

    last_second = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    place = (CHAIN_ID, 2**62, 2**31 - 1, b"\x11" * 32)
    found: list[facts.Fact] = [
        facts.WalletEvent(*place, "set", b"\x01" * 32, b"\x02" * 20, None, None),
        facts.ShareHeld(*place, b"\x01" * 32, b"\x02" * 32, last_second, MicroUsdc(2**63 - 1), "blacklisted"),
        facts.ContractEvent(*place, "Paused", {"account": "0xé", "flag": True}),
    ]
    connection = await db.connect_async(ledger_url, "molt_indexer")
    async with connection, connection.cursor() as cursor:
        for table, each in copying.rows_of(found).items():
            columns = [name for name, _ in copying.COLUMNS[table]]
            async with cursor.copy(
                f"COPY ledger.{table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)".encode()
            ) as copy:
                await copy.write(copying.stream(each))
            await cursor.execute(f"SELECT {', '.join(columns)} FROM ledger.{table}".encode())
            (read,) = await cursor.fetchall()
            assert read in [tuple(fact) for fact in found]


async def test_a_stream_cut_short_is_refused(ledger_url: str) -> None:
    connection = await db.connect_async(ledger_url, "molt_indexer")
    async with connection, connection.cursor() as cursor:
        with pytest.raises(psycopg.Error):
            async with cursor.copy("COPY ledger.block FROM STDIN (FORMAT BINARY)") as copy:
                await copy.write(copying.stream(["0006"]))
