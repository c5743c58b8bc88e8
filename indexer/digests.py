"""Are the ledger's rows those of its rebuild in the scratch schema? By digests of buckets of blocks, then row by row.

A digest is the sum of the hashes of a bucket's rows, made by PostgreSQL on both sides; only the rows of buckets whose
digests differ are looked at one by one. Either everything is compared, or a slice: then those rows that a rebuild of
these blocks alone makes, which are the rows that were noticed in them.
"""

from collections.abc import Sequence
from typing import Any, LiteralString, NamedTuple

from psycopg import sql

from indexer import chain as rpc
from indexer.report import shown
from ledger import record, scratch
from ledger.facts import SCHEMA
from ledger.models import EVENT_TABLES, block
from ledger.reconciliation import Difference

_BUCKETS = 4096
"""At most about so many, so that the digests of a long chain stay few."""
_NAMED = 1000
"""Of each table at most so many rows that differ are named; the others are counted."""
_ACCOUNTS = ("account_id", "creator_id", "agent_id")

Row = dict[str, Any]


class Blocks(NamedTuple):
    """What is compared: the blocks from `first` to `last`, which a rebuild has filled the scratch schema with."""

    chain_id: int
    first: int
    last: int
    whole: bool = False
    """They are all that there are; rows of the ledger outside of them are too many."""


class Compared(NamedTuple):
    """How many rows the rebuild has of each table, what differs, and how many rows differ beyond those named."""

    rows: dict[str, int]
    differences: list[Difference]
    unnamed: int


async def compare(connection: record.Connection, blocks: Blocks) -> Compared:
    """Every row of every event table, and every block that has one."""
    counts: dict[str, int] = {}
    found: list[Difference] = []
    unnamed = 0
    for table in EVENT_TABLES:
        rows = _Rows(table.name, [column.name for column in table.columns], ("block_number", "log_index"), blocks)
        counts[table.name], buckets = await _differing_buckets(connection, rows)
        if buckets:
            named, more = await _differing_rows(connection, rows, buckets)
            found += await _not_noticed_before(connection, rows, named)
            unnamed += more
    rows = _Rows("block", [column.name for column in block.columns], ("number",), blocks)
    counts["block"] = (await _fetch(connection, sql.SQL(_COUNT_WITH_EVENTS), blocks))[0][0]
    named, more = await _differing_rows(connection, rows, None)
    return Compared(counts, found + named, unnamed + more)


async def other_blocks(
    chain: rpc.Chain, connection: record.Connection, blocks: Blocks, finalized_number: int
) -> list[Difference]:
    """Blocks that the ledger keeps and a rebuild would not must be on the chain all the same, and of those that may
    still be reorganised away none may be missing. Raises chain.Unavailable."""
    missing = await _fetch(connection, sql.SQL(_MISSING_BLOCKS), blocks, finalized=finalized_number)
    found = [Difference("block", {"number": number}, None, None, {"number": number}) for (number,) in missing]
    stored: dict[int, Row] = {}
    for number, *values in await _fetch(connection, sql.SQL(_OTHER_BLOCKS), blocks):
        ours = {name: shown(value) for name, value in zip(_HEADER_COLUMNS, values, strict=True)}
        if blocks.first - 1 <= number <= blocks.last:
            stored[number] = ours
        else:
            found.append(Difference("block", {"number": number}, None, ours, None))
    for header in await chain.headers(stored):
        theirs = {"hash": header.hash, "parent_hash": header.parent_hash, "timestamp": int(header.timestamp, 16)}
        found += _columns("block", {"number": header.height}, stored[header.height], theirs)
    return found


async def outside(connection: record.Connection, pinned: record.Cursor) -> list[Difference]:
    """Rows of the ledger in blocks before its start or after its head: too many, and in no rebuild."""
    found: list[Difference] = []
    bounds = {"chain_id": pinned.chain_id, "first": pinned.start_number, "last": pinned.head_number, "limit": _NAMED}
    for table in (*EVENT_TABLES, block):
        key = ("number",) if table is block else ("block_number", "log_index")
        rows = _Rows(table.name, [column.name for column in table.columns], key, Blocks(pinned.chain_id, 0, 0))
        query = sql.SQL(_OUTSIDE_BLOCKS if table is block else _OUTSIDE).format(
            names=rows.names, table=sql.Identifier(table.name)
        )
        for row in await (await connection.execute(query, bounds)).fetchall():
            found += _row_differences(rows, row, [None] * len(row))
    return found


def of_rollup(table: str, stored: Row | None, derived: Row | None) -> Difference:
    """A row of a rollup beside what the facts come to."""
    either = stored or derived or {}
    place = {name: value for name, value in either.items() if name in _ROLLUP_KEYS}
    return Difference(table, shown(place), "row", shown(stored), shown(derived))


class _Rows(NamedTuple):
    """The rows of a table that are compared, and what names one of them."""

    table: str
    columns: Sequence[str]
    key: tuple[str, ...]
    blocks: Blocks

    @property
    def late(self) -> bool:
        """Whether rows may have been noticed later than in their own block."""
        return "noticed_block_number" in self.columns

    def select(self, what: sql.Composable, schema: str, buckets: Sequence[int] | None = None) -> sql.Composed:
        where = _ALL if self.blocks.whole else _NOTICED_IN if self.late else _IN
        wanted = sql.SQL("TRUE" if buckets is None else _OF_BUCKETS).format(
            **self.literals, buckets=list(buckets or ())
        )
        source = sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(self.table))
        return sql.SQL("SELECT {} FROM {} AS t WHERE {} AND {}").format(
            what, source, sql.SQL(where).format(**self.literals), wanted
        )

    @property
    def literals(self) -> dict[str, int]:
        first, last = self.blocks.first, self.blocks.last
        width = (last - first) // _BUCKETS + 1
        return {"chain_id": self.blocks.chain_id, "first": first, "last": last, "width": width}

    @property
    def names(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))

    def of_side(self, side: str) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(side, column) for column in self.columns)


async def _differing_buckets(connection: record.Connection, rows: _Rows) -> tuple[int, list[int]]:
    """How many rows the rebuild has, and the buckets whose digests differ."""
    what = sql.SQL(_DIGESTS).format(names=rows.names, **rows.literals)
    digests: list[dict[int, list[Any]]] = []
    for schema in (SCHEMA, scratch.SCRATCH):
        found = await connection.execute(rows.select(what, schema) + sql.SQL(" GROUP BY 1"))
        digests.append({bucket: digest async for bucket, *digest in found})
    ours, theirs = digests
    differ = [bucket for bucket in ours.keys() | theirs.keys() if ours.get(bucket) != theirs.get(bucket)]
    return sum(count for count, _ in theirs.values()), sorted(differ)


async def _differing_rows(
    connection: record.Connection, rows: _Rows, buckets: Sequence[int] | None
) -> tuple[list[Difference], int]:
    """The differences of the first rows that differ, and how many more rows do. No buckets: blocks with events."""
    join: LiteralString = "FULL" if buckets else "RIGHT"
    sides: list[sql.Composable] = [sql.SQL("TABLE ledger.block"), sql.SQL(_SCRATCH_WITH_EVENTS)]
    if buckets:
        sides = [rows.select(rows.names, schema, buckets) for schema in (SCHEMA, scratch.SCRATCH)]
    key = ("chain_id", *rows.key)
    query = sql.SQL(_DIFFERING_ROWS).format(
        o=rows.of_side("o"),
        t=rows.of_side("t"),
        ours=sides[0],
        join=sql.SQL(join),
        theirs=sides[1],
        using=sql.SQL(", ").join(map(sql.Identifier, key)),
        order=sql.SQL(", ").join(sql.SQL("coalesce(o.{0}, t.{0})").format(sql.Identifier(part)) for part in key),
        limit=_NAMED,
    )
    found = await (await connection.execute(query)).fetchall()
    middle = 1 + len(rows.columns)
    named = [each for row in found for each in _row_differences(rows, row[1:middle], row[middle:])]
    return named, found[0][0] - len(found) if found else 0


def _row_differences(rows: _Rows, ours: Sequence[Any], theirs: Sequence[Any]) -> list[Difference]:
    ledger, chain = (dict(zip(rows.columns, side, strict=True)) for side in (ours, theirs))
    there = ledger if ledger["chain_id"] is not None else chain
    place = {part: there[part] for part in rows.key}
    accounts = tuple(dict.fromkeys(side[name] for side in (ledger, chain) for name in _ACCOUNTS if side.get(name)))
    if ledger["chain_id"] is None or chain["chain_id"] is None:
        has = ledger["chain_id"] is not None
        return [
            Difference(rows.table, place, None, shown(ledger) if has else None, None if has else shown(chain), accounts)
        ]
    return _columns(rows.table, place, shown(ledger), shown(chain), accounts)


def _columns(
    table: str, place: dict[str, Any], ours: Row, theirs: Row, accounts: tuple[bytes, ...] = ()
) -> list[Difference]:
    return [
        Difference(table, place, column, ours[column], theirs[column], accounts)
        for column in ours
        if ours[column] != theirs[column]
    ]


async def _not_noticed_before(connection: record.Connection, rows: _Rows, found: list[Difference]) -> list[Difference]:
    """Without the rows of earlier blocks that the ledger noticed before the slice, for another reason than the vault
    that a rebuild of the slice knows: they belong to the slice in which they were noticed."""
    if rows.blocks.whole or not rows.late:
        return found
    older = [each for each in found if each.ledger is None and each.column is None]
    query = sql.SQL(_NOTICED_BEFORE).format(table=sql.Identifier(rows.table), **rows.literals)
    parameters = [[each.place[part] for each in older] for part in rows.key]
    known = set(await (await connection.execute(query, parameters)).fetchall()) if older else set()
    return [each for each in found if each not in older or tuple(each.place.values()) not in known]


async def _fetch(connection: record.Connection, query: sql.SQL, blocks: Blocks, **more: Any) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, {**blocks._asdict(), **more})).fetchall()


_ROLLUP_KEYS = ("day", "ref", "creator_id", "agent_id", "account_id", "expires_at")
_HEADER_COLUMNS = ("hash", "parent_hash", "timestamp")

_ALL: LiteralString = "chain_id = {chain_id}"
_IN: LiteralString = "chain_id = {chain_id} AND block_number BETWEEN {first} AND {last}"
_NOTICED_IN: LiteralString = """chain_id = {chain_id} AND (
    (block_number BETWEEN {first} AND {last} AND noticed_block_number <= {last})
    OR (noticed_block_number BETWEEN {first} AND {last} AND noticed_block_number > block_number
        AND block_number < {first}))"""
_OF_BUCKETS: LiteralString = "block_number / {width} = ANY({buckets})"

_DIGESTS: LiteralString = "block_number / {width}, count(*), sum(hash_record_extended(ROW({names}), 0))"

_DIFFERING_ROWS: LiteralString = """
SELECT count(*) OVER (), {o}, {t} FROM ({ours}) AS o {join} JOIN ({theirs}) AS t USING ({using})
WHERE ROW({o}) IS DISTINCT FROM ROW({t}) ORDER BY {order} LIMIT {limit}"""

_NOTICED_BEFORE: LiteralString = """
SELECT block_number, log_index FROM ledger.{table} JOIN unnest(%s::bigint[], %s::int[]) AS k(block_number, log_index)
USING (block_number, log_index) WHERE chain_id = {chain_id} AND noticed_block_number < {first}"""

_OUTSIDE: LiteralString = """
SELECT {names} FROM ledger.{table} WHERE chain_id = %(chain_id)s
AND (block_number < %(first)s OR block_number > %(last)s) ORDER BY block_number, log_index LIMIT %(limit)s"""
_OUTSIDE_BLOCKS: LiteralString = """
SELECT {names} FROM ledger.{table} WHERE chain_id = %(chain_id)s
AND (number < %(first)s - 1 OR number > %(last)s) ORDER BY number LIMIT %(limit)s"""

_SCRATCH_WITH_EVENTS: LiteralString = "SELECT * FROM pg_temp.block WHERE has_events"
_COUNT_WITH_EVENTS: LiteralString = "SELECT count(*) FROM pg_temp.block WHERE chain_id = %(chain_id)s AND has_events"

_OTHER_BLOCKS: LiteralString = """
SELECT number, hash, parent_hash, CAST(extract(epoch FROM timestamp) AS bigint) FROM ledger.block AS t
WHERE chain_id = %(chain_id)s AND (%(whole)s OR number BETWEEN %(first)s AND %(last)s) AND NOT EXISTS
    (SELECT FROM pg_temp.block AS s WHERE s.chain_id = t.chain_id AND s.number = t.number AND s.has_events)"""

_MISSING_BLOCKS: LiteralString = """
SELECT number FROM generate_series(greatest(%(first)s, %(finalized)s)::bigint, %(last)s::bigint) AS number
EXCEPT SELECT number FROM ledger.block WHERE chain_id = %(chain_id)s ORDER BY 1"""
