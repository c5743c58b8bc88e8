"""A ledger beside the ledger: a rebuild fills it, to compare it with the real one or to put it in its place.

`record` writes it like the other. Only the indexer imports this.
"""

from psycopg import sql
from sqlalchemy import Table

from ledger import copying, record
from ledger.facts import SCHEMA
from ledger.models import EVENT_TABLES, ROLLUP_TABLES, block, orphaned_row, proven_range
from ledger.models import cursor as cursor_table
from ledger.record import Connection, Cursor, in_schema

SCRATCH = "pg_temp"
"""A schema of the connection's own that vanishes with it: a rebuild leaves nothing behind, however it ends."""


async def create(connection: Connection) -> None:
    """Empty copies of all tables in `SCRATCH`, with the same constraints, for this connection alone.

    Without the secondary indexes, which cost more than the rows and which nobody asks there."""
    for table in _SCRATCH_TABLES:
        await connection.execute(in_schema(_SCRATCH_TABLE, SCRATCH, table.name))
        if key := [column.name for column in table.primary_key]:
            names = sql.SQL(", ").join(map(sql.Identifier, key))
            await connection.execute(in_schema(_SCRATCH_KEY, SCRATCH, table.name) + sql.SQL("({})").format(names))


async def clear(connection: Connection) -> None:
    """Empties them, for another rebuild."""
    names = sql.SQL(", ").join(sql.Identifier(SCRATCH, table.name) for table in _SCRATCH_TABLES)
    await connection.execute(sql.SQL("TRUNCATE {}").format(names))


async def analyze(connection: Connection) -> None:
    """Temporary tables have no autovacuum; without statistics, comparing large ones takes the wrong plan."""
    for table in copying.COLUMNS:
        await connection.execute(in_schema("ANALYZE {s}.{t}", SCRATCH, table))


async def adopt(connection: Connection, chain_id: int) -> Cursor:
    """Makes the ledger of the chain what `SCRATCH` says, in one transaction: for a rebuild, also of another deployment.

    Only what differs is written, and what goes is archived. Readers see the old rows until they see the new ones. The
    epoch grows, which fences whoever wrote before; what is rolled up is forgotten, and derived anew by the next writer.
    """
    await analyze(connection)
    async with connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0")
        before = await record.read_cursor(connection, chain_id)
        adopted = await connection.execute(in_schema(_ADOPT_CURSOR, SCHEMA), (chain_id,))
        row = await adopted.fetchone()
        if row is None:
            raise LookupError("the scratch schema has no cursor")
        cursor = Cursor(SCHEMA, *row)
        for table in ROLLUP_TABLES:
            await connection.execute(in_schema(_EMPTY, SCHEMA, table.name), (chain_id,))
        for table in (*EVENT_TABLES, block):  # the blocks last: the archive names those in which its rows stood
            await _adopt_rows(connection, cursor, table)
        await connection.execute(in_schema(_EMPTY, SCHEMA, proven_range.name), (chain_id,))
        await connection.execute(in_schema(_ADOPT_ALL, SCHEMA, proven_range.name), (chain_id,))
        await record.notify(connection, cursor, rewound_from=before.head_number if before else None)
    return cursor


async def _adopt_rows(connection: Connection, cursor: Cursor, table: Table) -> None:
    names = [name for name, _ in copying.COLUMNS[table.name]]
    comma = sql.SQL(", ")
    same = [sql.SQL("new.{0} = old.{0}").format(sql.Identifier(column.name)) for column in table.primary_key]
    parts = {
        "t": sql.Identifier(table.name),
        "number": sql.Identifier("number" if table is block else "block_number"),
        "index": sql.SQL("NULL") if table is block else sql.Identifier("log_index"),
        "names": comma.join(map(sql.Identifier, names)),
        "new": comma.join(sql.Identifier("new", name) for name in names),
        "old": comma.join(sql.Identifier("old", name) for name in names),
        "same_key": sql.SQL(" AND ").join(same),
    }
    values = {"chain_id": cursor.chain_id, "epoch": cursor.epoch, "table": table.name}
    for statement in (_ARCHIVE_OTHERS, _ADOPT_MISSING):
        await connection.execute(sql.SQL(statement).format(**parts), values)


_SCRATCH_TABLES = (cursor_table, orphaned_row, proven_range, block, *EVENT_TABLES)
_SCRATCH_TABLE = """
CREATE TEMPORARY TABLE {t} (LIKE ledger.{t} INCLUDING CONSTRAINTS INCLUDING DEFAULTS INCLUDING GENERATED)"""
_SCRATCH_KEY = "ALTER TABLE {s}.{t} ADD PRIMARY KEY "
_EMPTY = "DELETE FROM {s}.{t} WHERE chain_id = %s"
_ADOPT_CURSOR = """
INSERT INTO {s}.cursor AS old SELECT * FROM pg_temp.cursor WHERE chain_id = %s
ON CONFLICT (chain_id) DO UPDATE SET splitter = excluded.splitter, usdc = excluded.usdc,
    start_number = excluded.start_number, head_number = excluded.head_number, head_hash = excluded.head_hash,
    head_timestamp = excluded.head_timestamp, safe_number = excluded.safe_number,
    finalized_number = excluded.finalized_number, chain_head_number = excluded.chain_head_number,
    epoch = old.epoch + 1, status = excluded.status, status_detail = excluded.status_detail, updated_at = now()
RETURNING chain_id, start_number, head_number, head_hash, head_timestamp, safe_number, finalized_number,
    chain_head_number, epoch, status, status_detail"""
_ADOPT_ALL = "INSERT INTO {s}.{t} SELECT * FROM pg_temp.{t} WHERE chain_id = %s"
_ARCHIVE_OTHERS = """
WITH gone AS (DELETE FROM ledger.{t} AS old WHERE chain_id = %(chain_id)s AND NOT EXISTS (
    SELECT FROM pg_temp.{t} AS new WHERE {same_key} AND ({new}) IS NOT DISTINCT FROM ({old})) RETURNING *)
INSERT INTO ledger.orphaned_row (chain_id, epoch, table_name, block_number, block_hash, log_index, content)
SELECT gone.chain_id, %(epoch)s, %(table)s, gone.{number}, block.hash, {index}, to_jsonb(gone)
FROM gone LEFT JOIN ledger.block ON block.chain_id = gone.chain_id AND block.number = gone.{number}"""
_ADOPT_MISSING = """
INSERT INTO ledger.{t} ({names}) SELECT {names} FROM pg_temp.{t} AS new WHERE chain_id = %(chain_id)s
AND NOT EXISTS (SELECT FROM ledger.{t} AS old WHERE {same_key})"""
