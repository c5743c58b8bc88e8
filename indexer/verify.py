"""Is the ledger what the chain says? Rebuilds it into a scratch schema, compares every row, then asks the contracts.

Everything is read in one snapshot of the database, pinned to the block that is the ledger's head in it, so that it
works while the indexer runs. The scratch schema is the connection's own and vanishes with it.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

from psycopg import sql

from indexer import chain as rpc
from indexer import fetch, follow, lead, onchain, proof, reorg
from indexer.report import Difference, Report, print_report, say, shown
from indexer.settings import Settings
from indexer.status import Status
from ledger import db, record
from ledger.models import EVENT_TABLES, SCHEMA, block

_SNAPSHOTS = 4
_TRIES = 12


class NothingToVerify(Exception):
    """Nothing is mirrored of this chain yet: start `python -m indexer run`."""


class HeadNotOnChain(Exception):
    """The ledger's head is not on the node's chain, and stays where it is: the indexer is halted or does not run."""


async def run(settings: Settings, chain: rpc.Chain) -> int:
    """Prints the report; 0 when equal, 1 when not. Raises chain.Unavailable when the node does not answer."""
    try:
        report = await verify(settings, chain)
    except (NothingToVerify, HeadNotOnChain) as error:
        say(f"{error.__doc__}\n" + json.dumps({"equal": False, "error": type(error).__name__, "detail": str(error)}))
        return 1
    print_report(report)
    return int(bool(report.differences))


async def verify(settings: Settings, chain: rpc.Chain) -> Report:
    """Raises NothingToVerify, HeadNotOnChain and what `Mirror.step` raises when it keeps doing so."""
    scope = lead.scope_of(settings)
    stale = ""
    for _ in range(_SNAPSHOTS):
        connection = await db.connect_async(settings.database_url, "molt_indexer", autocommit=True)
        async with connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            pinned = await record.read_cursor(connection, settings.chain_id)
            if pinned is None:
                raise NothingToVerify(f"chain {settings.chain_id}")
            rebuilt = await rebuild(chain, connection, scope, pinned.head_number, settings.range_blocks)
            if rebuilt is None or rebuilt.head_hash != pinned.head_hash:
                stale = f"block {pinned.head_number} 0x{pinned.head_hash.hex()}"
                await asyncio.sleep(settings.poll_seconds * 2)
                continue  # the chain was reorganised around the snapshot; the next one will have followed
            report = Report(pinned.chain_id, pinned.head_number, "0x" + pinned.head_hash.hex(), pinned.finalized_number)
            await compare(connection, report)
            await _check_other_blocks(chain, connection, report)
            async with onchain.snapshot_session(settings.database_url, connection) as session:
                await onchain.compare(chain, session, connection, scope.deployment, report)
            return report
    raise HeadNotOnChain(stale)


async def rebuild(
    chain: rpc.Chain, connection: record.Connection, scope: fetch.Scope, until: int, range_blocks: int
) -> record.Cursor | None:
    """Fills the connection's scratch schema from the chain alone, up to this block; None when the node lacks it."""
    await record.create_scratch(connection)
    mirror = await follow.open_mirror(chain, connection, scope, Status(), record.SCRATCH, range_blocks=range_blocks)
    mirror.until = until
    faults = 0
    while mirror.cursor.head_number < until:
        try:
            if not await mirror.step():
                return None
            faults = 0
        except (rpc.Unavailable, proof.BadAnswer, reorg.DeepReorg) as fault:
            faults += 1
            if faults == _TRIES:
                raise
            chain.leave_provider(type(fault).__name__, str(fault))
            await asyncio.sleep(0.1 * faults)
    await record.analyze_scratch(connection)
    return mirror.cursor


async def compare(connection: record.Connection, report: Report) -> None:
    """Every row of every event table, and every block that has one."""
    for table in EVENT_TABLES:
        columns = [column.name for column in table.columns]
        await _compare_rows(connection, report, _Rows(table.name, columns, ("block_number", "log_index"), _OF_CHAIN))
    columns = [column.name for column in block.columns if column.name != "has_events"]
    await _compare_rows(connection, report, _Rows("block", columns, ("number",), _WITH_EVENTS))


class _Rows(NamedTuple):
    """Which rows of a table are compared, and what names one of them."""

    table: str
    columns: Sequence[str]
    key: tuple[str, ...]
    where: LiteralString

    def query(self, schema: str, chain_id: int) -> sql.Composed:
        names = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        source = sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(self.table))
        where = sql.SQL(self.where).format(chain_id=sql.Literal(chain_id))
        return sql.SQL("SELECT {} FROM {} AS t WHERE {}").format(names, source, where)


async def _compare_rows(connection: record.Connection, report: Report, rows: _Rows) -> None:
    ours, theirs = rows.query(SCHEMA, report.chain_id), rows.query(record.SCRATCH, report.chain_id)
    counted = await connection.execute(sql.SQL("SELECT count(*) FROM ({}) AS t").format(theirs))
    report.rows[rows.table] = ((await counted.fetchone()) or (0,))[0]
    only_ours = await _only(connection, rows, ours, theirs)
    only_theirs = await _only(connection, rows, theirs, ours)
    for key in sorted(only_ours.keys() | only_theirs.keys()):
        place = dict(zip(rows.key, key, strict=True))
        report.differences += _differences(rows.table, place, only_ours.get(key), only_theirs.get(key))


async def _only(
    connection: record.Connection, rows: _Rows, these: sql.Composed, those: sql.Composed
) -> dict[tuple[Any, ...], dict[str, Any]]:
    found = await connection.execute(sql.SQL("{} EXCEPT ALL {}").format(these, those))
    named = [dict(zip(rows.columns, row, strict=True)) for row in await found.fetchall()]
    return {tuple(row[part] for part in rows.key): row for row in named}


def _differences(
    table: str, place: dict[str, Any], ours: dict[str, Any] | None, theirs: dict[str, Any] | None
) -> list[Difference]:
    if ours is None or theirs is None:
        return [Difference(table, place, None, shown(ours), shown(theirs))]
    changed = [column for column in ours if ours[column] != theirs[column]]
    return [Difference(table, place, column, shown(ours[column]), shown(theirs[column])) for column in changed]


async def _check_other_blocks(chain: rpc.Chain, connection: record.Connection, report: Report) -> None:
    """Blocks that the ledger keeps and a rebuild would not must be on the chain all the same."""
    found = await connection.execute(_OTHER_BLOCKS, {"chain_id": report.chain_id})
    stored: dict[int, bytes] = dict(await found.fetchall())
    for header in await chain.headers(stored):
        ours = "0x" + stored[header.height].hex()
        report.note("block", {"number": header.height}, ours, header.hash, column="hash")


_OF_CHAIN = "chain_id = {chain_id}"
_WITH_EVENTS = """chain_id = {chain_id} AND (EXISTS (SELECT FROM pg_temp.block AS s
    WHERE s.chain_id = t.chain_id AND s.number = t.number AND s.has_events))"""

_OTHER_BLOCKS = """
SELECT number, hash FROM ledger.block AS t WHERE chain_id = %(chain_id)s
AND NOT EXISTS
    (SELECT FROM pg_temp.block AS s WHERE s.chain_id = t.chain_id AND s.number = t.number AND s.has_events)"""
