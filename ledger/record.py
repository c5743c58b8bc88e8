"""The only writer of the ledger: append a batch, rewind to a block, move the finality. Only the indexer imports it.

Rows and cursor commit together, so a crash is the same path as a start. The cursor moves by compare-and-swap on
(head hash, epoch): a writer that lost its lock, or that builds on a block the ledger has left, changes nothing.
All functions want a connection in autocommit mode (or inside a transaction of the caller's: then its rows and cursor
commit with that).
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import psycopg
from psycopg import sql

from ledger import copying, facts, moving
from ledger.deployment import Deployment
from ledger.facts import SCHEMA

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

CHANNEL = "ledger"
"""NOTIFY goes here after each commit; the payload is JSON: chain_id, head_number, and rewound_from after a rewind."""

Proof = Literal["bloom", "receipts"]
"""See `models.PROOFS`."""

_FEW_ROWS = 250
"""So many come with the statement that moves the cursor; more are copied, in two round trips more for each table."""
_LATE_TABLES = ("usdc_transfer", "authorization_used")


class Fenced(Exception):
    """Another writer moved the cursor: this one must stop, read the cursor again and compete for the lock."""


class OtherDeployment(Exception):
    """The ledger mirrors another splitter, token or start block on this chain than the deployment names."""


class BeyondFinality(Exception):
    """A rewind below the finalized block was asked for: nothing in the ledger may fall there."""


@dataclass(frozen=True)
class Cursor:
    """Where the ledger stands. Immutable: each write returns the next one."""

    schema: str
    chain_id: int
    start_number: int
    head_number: int
    head_hash: bytes
    head_timestamp: datetime
    safe_number: int
    finalized_number: int
    chain_head_number: int
    epoch: int
    status: str
    status_detail: str | None


@dataclass(frozen=True)
class Finality:
    """What a node says of the chain: block numbers whose hashes were found to be on the ledger's own chain."""

    safe_number: int
    finalized_number: int
    chain_head_number: int


@dataclass(frozen=True)
class Batch:
    """Everything of ours in the blocks after `parent_hash` up to and including `head`: written whole or not at all."""

    parent_hash: bytes
    head: facts.Block
    rows: copying.Rows
    """Of `block` those to keep: with events, or not yet final; `head` always."""
    proof: Proof
    late_blocks: Sequence[facts.Block] = ()
    """Blocks before this batch in which `late_facts` stand."""
    late_facts: Sequence[facts.UsdcFact] = ()
    """Older transfers that a vault deployed in this batch makes ours. Another vault may have shown some before."""


# -------------------------------------------------------------------------------------------------------------- writing


async def try_lead(connection: Connection, chain_id: int) -> bool:
    """Takes the writer's lock for as long as the connection lives; False while another one has it."""
    found = await connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"ledger:{chain_id}",))
    row = await found.fetchone()
    return bool(row and row[0])


async def dismiss_leader(connection: Connection, chain_id: int) -> None:
    """Ends the session of whoever holds the writer's lock, so that the next one begins with the cursor as it is now."""
    await connection.execute(_DISMISS, (f"ledger:{chain_id}",))


async def open_cursor(
    connection: Connection, deployment: Deployment, before_start: facts.Block, schema: str = SCHEMA
) -> Cursor:
    """Reads the cursor, or sets it to `before_start` (the block before the deployment's) when there is none.

    The epoch grows by one, which fences whoever wrote before: no crash may let another writer have the same one, so
    this is on disk when it returns. Raises OtherDeployment.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = on")
        await connection.execute(
            in_schema(_INSERT_CURSOR, schema),
            {
                "chain_id": deployment.chain_id,
                "splitter": deployment.splitter_bytes,
                "usdc": deployment.usdc_bytes,
                "start": deployment.deployed_at_block,
                "head": before_start.number,
                "hash": before_start.hash,
                "timestamp": before_start.timestamp,
            },
        )
        await connection.execute(in_schema(_INSERT_BLOCK, schema), before_start)
        found = await connection.execute(
            in_schema(_OPEN_CURSOR, schema), (deployment.chain_id, deployment.splitter_bytes, deployment.usdc_bytes)
        )
        row = await found.fetchone()
    if row is None:
        raise OtherDeployment(
            f"the ledger of chain {deployment.chain_id} mirrors another splitter or USDC than {deployment.splitter}: "
            "check DEPLOYMENT_FILE, or use another database"
        )
    return Cursor(schema, *row)


async def append(
    connection: Connection, cursor: Cursor, batch: Batch, finality: Finality, status: str = "live"
) -> Cursor:
    """Writes the batch and moves the cursor onto its head, in one transaction. Raises Fenced: nothing is written."""
    if batch.parent_hash != cursor.head_hash:
        raise ValueError("the batch does not continue the ledger's head")
    moved = _settled(replace(cursor, status=status, status_detail=None), batch.head, finality)
    few = {table: rows for table, rows in batch.rows.items() if 0 < len(rows) <= _FEW_ROWS}
    many = {table: rows for table, rows in batch.rows.items() if len(rows) > _FEW_ROWS}
    statement = moving.statement(cursor.schema, tuple(few))
    parameters = _move_parameters(cursor, moved, batch.proof) | moving.arrays(few)
    if not many and not batch.late_blocks:
        async with _fenced(cursor):
            await connection.execute(statement, parameters, prepare=True)
        return moved
    async with _fenced(cursor), connection.transaction():
        await connection.execute(statement, parameters, prepare=True)
        for table, rows in many.items():
            await _copy(connection, cursor.schema, table, rows)
        await _add_late(connection, cursor.schema, batch)
    return moved


async def rewind(connection: Connection, cursor: Cursor, ancestor_number: int) -> Cursor:
    """Moves every row of the blocks after `ancestor_number`, and every row noticed after it, to `orphaned_row`, and the
    cursor back onto that block, in one transaction. Raises BeyondFinality and Fenced; then nothing is changed.
    """
    if ancestor_number < cursor.finalized_number:
        raise BeyondFinality(f"block {ancestor_number} is below the finalized block {cursor.finalized_number}")
    async with _fenced(cursor), connection.transaction():
        ancestor = await stored_block(connection, cursor, ancestor_number)
        moved = replace(
            cursor,
            head_number=ancestor.number,
            head_hash=ancestor.hash,
            head_timestamp=ancestor.timestamp,
            safe_number=min(cursor.safe_number, ancestor.number),
        )
        await _move(connection, cursor, moved)
        await _archive(connection, cursor, ancestor_number)
        await notify(connection, moved, rewound_from=cursor.head_number)
    return moved


async def settle(connection: Connection, cursor: Cursor, finality: Finality, status: str = "live") -> Cursor:
    """Says that the writer lives and what has become final, when there is no new block. Raises Fenced."""
    head = facts.Block(
        cursor.chain_id, cursor.head_number, cursor.head_hash, b"", cursor.head_timestamp, has_events=False
    )
    moved = _settled(replace(cursor, status=status, status_detail=None), head, finality)
    async with _fenced(cursor), connection.transaction():
        await _move(connection, cursor, moved)
        await _forget_empty_blocks(connection, cursor, moved)
        if moved != cursor:
            await notify(connection, moved)
    return moved


async def halt(connection: Connection, cursor: Cursor, detail: str) -> Cursor:
    """Marks the ledger as halted: readiness goes off, nothing more is written. Raises Fenced."""
    moved = replace(cursor, status="halted", status_detail=detail)
    async with _fenced(cursor), connection.transaction():
        await _move(connection, cursor, moved)
        await notify(connection, moved)
    return moved


# -------------------------------------------------------------------------------------------------------------- reading


async def read_cursor(connection: Connection, chain_id: int, schema: str = SCHEMA) -> Cursor | None:
    """The cursor as it stands, with no claim to write; None when nothing was ever mirrored of this chain."""
    found = await connection.execute(in_schema(_READ_CURSOR, schema), (chain_id,))
    row = await found.fetchone()
    return Cursor(schema, *row) if row else None


async def vaults(connection: Connection, cursor: Cursor) -> set[bytes]:
    """Every vault that was deployed up to the cursor's head."""
    found = await connection.execute(in_schema(_VAULTS, cursor.schema), (cursor.chain_id,))
    return {row[0] for row in await found.fetchall()}


async def stored_block(connection: Connection, cursor: Cursor, number: int) -> facts.Block:
    """Every block from the finalized one to the head is stored. Raises LookupError for one that is not."""
    for found in await stored_blocks(connection, cursor, [number]):
        return found
    raise LookupError(f"block {number} is not in the ledger")


async def stored_blocks(connection: Connection, cursor: Cursor, numbers: Sequence[int]) -> list[facts.Block]:
    """Those of the blocks that are stored, highest first."""
    found = await connection.execute(in_schema(_STORED, cursor.schema), (cursor.chain_id, list(numbers)))
    return [facts.Block(*row) for row in await found.fetchall()]


# -------------------------------------------------------------------------------------------------------------- pieces


def _settled(cursor: Cursor, head: facts.Block, finality: Finality) -> Cursor:
    """Finality never goes back, and never passes the head."""
    finalized = max(cursor.finalized_number, min(finality.finalized_number, head.number))
    return replace(
        cursor,
        head_number=head.number,
        head_hash=head.hash,
        head_timestamp=head.timestamp,
        finalized_number=finalized,
        safe_number=max(cursor.safe_number, finalized, min(finality.safe_number, head.number)),
        chain_head_number=max(finality.chain_head_number, head.number),
    )


def _move_parameters(before: Cursor, after: Cursor, proof: Proof) -> dict[str, Any]:
    told = {"channel": CHANNEL, "payload": _payload(after)} if after.schema == SCHEMA else {}
    started_from = {"expected_hash": before.head_hash, "before": before.head_number}
    return {**after.__dict__, **started_from, "final_before": before.finalized_number, "proof": proof, **told}


async def _move(connection: Connection, before: Cursor, after: Cursor) -> None:
    """Fails, and with it the transaction, where the cursor is not at `before`: see `_fenced`."""
    parameters = {**after.__dict__, "expected_hash": before.head_hash}
    await connection.execute(in_schema(_MOVE_CURSOR, before.schema), parameters)


@asynccontextmanager
async def _fenced(cursor: Cursor) -> AsyncIterator[None]:
    """Around the transaction that moves the cursor."""
    try:
        yield
    except psycopg.errors.DivisionByZero as error:  # by `_MOVE_CURSOR` or `moving`, and nothing else here divides
        raise Fenced(f"the cursor of chain {cursor.chain_id} is no longer at 0x{cursor.head_hash.hex()}") from error


async def _copy(connection: Connection, schema: str, table: str, rows: Sequence[str]) -> None:
    async with connection.cursor() as cursor, cursor.copy(_copy_statement(schema, table)) as copy:
        await copy.write(copying.stream(rows))


async def _add_late(connection: Connection, schema: str, batch: Batch) -> None:
    for late in batch.late_blocks:
        await connection.execute(in_schema(_INSERT_LATE_BLOCK, schema), late)
    for table, rows in facts.by_table(batch.late_facts).items():
        columns = [name for name, _ in copying.COLUMNS[table]]
        statement = sql.SQL("INSERT INTO {}.{} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
            sql.Identifier(schema),
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(sql.Placeholder() for _ in columns),
        )
        async with connection.cursor() as cursor:
            await cursor.executemany(statement, rows)


async def _archive(connection: Connection, cursor: Cursor, ancestor_number: int) -> None:
    parameters = {"chain_id": cursor.chain_id, "ancestor": ancestor_number, "epoch": cursor.epoch}
    for name in facts.TABLES.values():
        await connection.execute(in_schema(_ARCHIVE, cursor.schema, name), {**parameters, "table": name})
    for name in _LATE_TABLES:
        await connection.execute(in_schema(_ARCHIVE_LATE, cursor.schema, name), {**parameters, "table": name})
    await connection.execute(in_schema(_ARCHIVE_BLOCKS, cursor.schema), parameters)
    for statement in (_FORGET_PROOF, _SHORTEN_PROOF):
        await connection.execute(in_schema(statement, cursor.schema), parameters)


async def _forget_empty_blocks(connection: Connection, before: Cursor, after: Cursor) -> None:
    if after.finalized_number > before.finalized_number:
        bounds = (after.chain_id, before.finalized_number, after.finalized_number)
        await connection.execute(in_schema(_FORGET, after.schema), bounds)


async def notify(connection: Connection, cursor: Cursor, rewound_from: int | None = None) -> None:
    """Tells who listens, once this is committed, that the ledger has moved."""
    if cursor.schema == SCHEMA:
        await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, _payload(cursor, rewound_from)))


def _payload(cursor: Cursor, rewound_from: int | None = None) -> str:
    told = {"chain_id": cursor.chain_id, "head_number": cursor.head_number}
    return json.dumps(told if rewound_from is None else {**told, "rewound_from": rewound_from})


@lru_cache(maxsize=256)
def in_schema(statement: str, schema: str, table: str = "") -> sql.SQL:
    """The statement with the names in the places of {s} and {t}. Rendered once: a live batch would spend a third of its
    time on it."""
    return sql.SQL(sql.SQL(statement).format(s=sql.Identifier(schema), t=sql.Identifier(table)).as_string())


@lru_cache
def _copy_statement(schema: str, table: str) -> sql.SQL:
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in copying.COLUMNS[table])
    return in_schema(f"COPY {{s}}.{{t}} ({names.as_string()}) FROM STDIN (FORMAT BINARY)", schema, table)


_DISMISS = """
WITH lock AS (SELECT hashtextextended(%s, 0) AS key)
SELECT pg_terminate_backend(held.pid) FROM pg_locks AS held JOIN lock
    ON held.classid::bigint = (lock.key >> 32) & 4294967295 AND held.objid::bigint = lock.key & 4294967295
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1 AND held.pid <> pg_backend_pid()
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""

_INSERT_CURSOR = """
INSERT INTO {s}.cursor VALUES (%(chain_id)s, %(splitter)s, %(usdc)s, %(start)s, %(head)s, %(hash)s, %(timestamp)s,
    %(head)s, %(head)s, %(head)s, 0, 'syncing', NULL, now())
ON CONFLICT DO NOTHING"""

_OPEN_CURSOR = """
UPDATE {s}.cursor SET epoch = epoch + 1, updated_at = now()
WHERE chain_id = %s AND splitter = %s AND usdc = %s
RETURNING chain_id, start_number, head_number, head_hash, head_timestamp, safe_number, finalized_number,
    chain_head_number, epoch, status, status_detail"""

_READ_CURSOR = """
SELECT chain_id, start_number, head_number, head_hash, head_timestamp, safe_number, finalized_number,
    chain_head_number, epoch, status, status_detail FROM {s}.cursor WHERE chain_id = %s"""

# Divides by zero when there is no such cursor: whatever follows in the same pipeline is not begun.
_MOVE_CURSOR = """
WITH moved AS (UPDATE {s}.cursor SET
    head_number = %(head_number)s, head_hash = %(head_hash)s, head_timestamp = %(head_timestamp)s,
    safe_number = %(safe_number)s, finalized_number = %(finalized_number)s, chain_head_number = %(chain_head_number)s,
    status = %(status)s, status_detail = %(status_detail)s, updated_at = now()
WHERE chain_id = %(chain_id)s AND head_hash = %(expected_hash)s AND epoch = %(epoch)s RETURNING 1)
SELECT 1 / count(*) FROM moved"""

_INSERT_BLOCK = "INSERT INTO {s}.block VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
_INSERT_LATE_BLOCK = """
INSERT INTO {s}.block VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (chain_id, number) DO UPDATE SET has_events = true"""
_STORED = "SELECT * FROM {s}.block WHERE chain_id = %s AND number = ANY(%s) ORDER BY number DESC"
_FORGET = "DELETE FROM {s}.block WHERE chain_id = %s AND number >= %s AND number < %s AND NOT has_events"
_FORGET_PROOF = "DELETE FROM {s}.proven_range WHERE chain_id = %(chain_id)s AND first_number > %(ancestor)s"
_SHORTEN_PROOF = """
UPDATE {s}.proven_range SET last_number = %(ancestor)s WHERE chain_id = %(chain_id)s AND last_number > %(ancestor)s"""
_VAULTS = "SELECT DISTINCT vault FROM {s}.vault_deployed WHERE chain_id = %s"

_ARCHIVE = """
WITH gone AS (DELETE FROM {s}.{t} WHERE chain_id = %(chain_id)s AND block_number > %(ancestor)s RETURNING *)
INSERT INTO {s}.orphaned_row (chain_id, epoch, table_name, block_number, block_hash, log_index, content)
SELECT gone.chain_id, %(epoch)s, %(table)s, gone.block_number, block.hash, gone.log_index, to_jsonb(gone)
FROM gone LEFT JOIN {s}.block ON block.chain_id = gone.chain_id AND block.number = gone.block_number"""

_ARCHIVE_LATE = """
WITH gone AS (DELETE FROM {s}.{t} WHERE chain_id = %(chain_id)s
    AND noticed_block_number > %(ancestor)s AND noticed_block_number > block_number RETURNING *)
INSERT INTO {s}.orphaned_row (chain_id, epoch, table_name, block_number, block_hash, log_index, content)
SELECT gone.chain_id, %(epoch)s, %(table)s, gone.block_number, block.hash, gone.log_index, to_jsonb(gone)
FROM gone LEFT JOIN {s}.block ON block.chain_id = gone.chain_id AND block.number = gone.block_number"""

_ARCHIVE_BLOCKS = """
WITH gone AS (DELETE FROM {s}.block WHERE chain_id = %(chain_id)s AND number > %(ancestor)s RETURNING *)
INSERT INTO {s}.orphaned_row (chain_id, epoch, table_name, block_number, block_hash, content)
SELECT chain_id, %(epoch)s, 'block', number, hash, to_jsonb(gone) FROM gone"""
