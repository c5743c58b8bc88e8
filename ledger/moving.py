"""The cursor's move and all that commits with it, as one statement: one round trip, and nothing to roll back.

Rows come as one array for each column, so that the statement is the same for one row and for a hundred: PostgreSQL
plans it once. Everything in it waits for the cursor (`FROM moved`), so a writer that was fenced writes nothing.
"""

from functools import lru_cache

from psycopg import sql

from ledger import copying
from ledger.facts import SCHEMA


@lru_cache
def statement(schema: str, tables: tuple[str, ...]) -> sql.SQL:
    """Moves the cursor, notes how far the blocks are proven, forgets empty blocks that became final, and inserts into
    the tables. Divides by zero when the cursor is not where it is expected."""
    inserts = "".join(f",\n{_insert(table)}" for table in tables)
    told = ", pg_notify(%(channel)s, %(payload)s)" if schema == SCHEMA else ""
    text = f"{_MOVE}{inserts}\nSELECT 1 / (SELECT count(*) FROM moved){told}"  # noqa: S608 - our own names
    return sql.SQL(sql.SQL(text).format(s=sql.Identifier(schema)).as_string())


def arrays(rows: copying.Rows) -> dict[str, copying.Field]:
    """The parameters of these tables' rows. Raises copying.BadHex."""
    return {f"{table}{n}": each for table in rows for n, each in enumerate(copying.arrays(table, rows[table]))}


def _insert(table: str) -> str:
    columns = copying.COLUMNS[table]
    names = ", ".join(name for name, _ in columns)
    values = ", ".join(f"%({table}{number})b::{kind}[]" for number, (_, kind) in enumerate(columns))
    return f"new_{table} AS (INSERT INTO {{s}}.{table} ({names}) SELECT new.* FROM moved, unnest({values}) AS new)"  # noqa: S608 - our own names


_MOVE = """
WITH moved AS (UPDATE {s}.cursor SET
    head_number = %(head_number)s, head_hash = %(head_hash)s, head_timestamp = %(head_timestamp)s,
    safe_number = %(safe_number)s, finalized_number = %(finalized_number)s, chain_head_number = %(chain_head_number)s,
    status = %(status)s, status_detail = %(status_detail)s, updated_at = now()
WHERE chain_id = %(chain_id)s AND head_hash = %(expected_hash)s AND epoch = %(epoch)s RETURNING 1),
grown AS (UPDATE {s}.proven_range SET last_number = %(head_number)s FROM moved
    WHERE chain_id = %(chain_id)s AND last_number = %(before)s AND proof = %(proof)s RETURNING 1),
begun AS (INSERT INTO {s}.proven_range SELECT %(chain_id)s, %(before)s + 1, %(head_number)s, %(proof)s FROM moved
    WHERE NOT EXISTS (SELECT FROM grown)),
forgotten AS (DELETE FROM {s}.block USING moved WHERE chain_id = %(chain_id)s
    AND number >= %(final_before)s AND number < %(finalized_number)s AND NOT has_events)"""
