"""Rows as PostgreSQL's binary COPY takes them, written in hex.

A node answers in hex, so that a row can be joined from slices of its answer and a whole batch turned into bytes at once
(measured: 1.2 µs a row of `usdc_transfer`, where decoding its fields and `write_row` take 9). The format is that of
https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-BINARY: a 16-bit number of fields, and each field as a 32-bit
length and its bytes.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Any, get_args, get_type_hints

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ledger import facts
from ledger.money import MicroUsdc

Rows = dict[str, list[str]]
"""For each table its rows, each in hex."""

NULL = "ffffffff"
_NULL_BYTES = bytes.fromhex(NULL)
_NULL_SIZE = int(NULL, 16)
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_SECONDS = int(_EPOCH.timestamp())
_INT8 = 2**64 - 1

_TYPES: dict[Any, str] = {
    int: "bigint",
    facts.Integer: "integer",
    facts.SmallInteger: "smallint",
    MicroUsdc: "bigint",
    bool: "boolean",
    bytes: "bytea",
    str: "text",
    datetime: "timestamp with time zone",
    dict[str, str]: "jsonb",
}


def _columns(fact: Any) -> Iterator[tuple[str, str]]:
    for name, hint in get_type_hints(fact, include_extras=True).items():
        kinds = [hint] if hint in _TYPES else [each for each in get_args(hint) if each is not NoneType]
        yield name, _TYPES[kinds[0]]


COLUMNS: dict[str, list[tuple[str, str]]] = {
    table: list(_columns(fact)) for fact, table in [(facts.Block, "block"), *facts.TABLES.items()]
}
"""Name and PostgreSQL type of what a row has, in its order. `models` says the same (tests/ledger/test_db.py)."""


_OIDS = {
    "bigint": 20,
    "integer": 23,
    "smallint": 21,
    "boolean": 16,
    "bytea": 17,
    "text": 25,
    "timestamp with time zone": 1184,
    "jsonb": 3802,
}
"""Fixed for ever: `pg_type.dat` of PostgreSQL."""


class BadHex(ValueError):
    """A row has something in it that is no hex digit."""


class Field(bytes):
    """A value as PostgreSQL takes it in binary, of whatever type is expected there."""


class _FieldDumper(Dumper):
    format = Format.BINARY  # without an oid: the column decides

    def dump(self, obj: Field) -> bytes:
        return obj


psycopg.adapters.register_dumper(Field, _FieldDumper)


def stream(rows: Sequence[str]) -> bytes:
    """What COPY reads: header, rows, trailer. Raises BadHex."""
    return _SIGNATURE + _bytes("".join(rows)) + _TRAILER


def arrays(table: str, rows: Sequence[str]) -> list[Field]:
    """One array for each column, for an INSERT of them all: a COPY is two round trips, which a few rows are not worth.

    Raises BadHex."""
    of_columns: list[list[bytes]] = [[] for _ in COLUMNS[table]]
    for row in rows:
        content, start = _bytes(row), 2
        for column in of_columns:
            size = int.from_bytes(content[start : start + 4])
            end = start + 4 + (size if size != _NULL_SIZE else 0)
            column.append(content[start:end])
            start = end
    return [_array(_OIDS[kind], column) for (_, kind), column in zip(COLUMNS[table], of_columns, strict=True)]


def _array(oid: int, elements: Sequence[bytes]) -> Field:
    """As `array_recv` reads it: dimensions, whether any is null, the elements' type, their number, the first index."""
    head = (1, _NULL_BYTES in elements, oid, len(elements), 1)
    return Field(b"".join((*(each.to_bytes(4) for each in head), *elements)))


def _bytes(digits: str) -> bytes:
    try:
        content = bytes.fromhex(digits)
    except ValueError as error:
        raise BadHex(str(error)) from error
    if 2 * len(content) != len(digits):
        raise BadHex("white space between the digits")
    return content


def rows_of(found: Iterable[facts.Fact]) -> Rows:
    """The rows of these facts."""
    return {table: [row(table, each) for each in of_table] for table, of_table in facts.by_table(found).items()}


def row(table: str, values: Sequence[Any]) -> str:
    """Any row of any table: the values in the order of `COLUMNS`."""
    columns = COLUMNS[table]
    fields = [
        NULL if value is None else field(_ENCODINGS[kind](value))
        for value, (_, kind) in zip(values, columns, strict=True)
    ]
    return f"{len(columns):04x}" + "".join(fields)


def field(content: str) -> str:
    """Hex digits as a field."""
    return f"{len(content) // 2:08x}{content}"


def seconds(timestamp: int) -> str:
    """A `timestamptz`, of unix seconds."""
    return f"{(timestamp - _EPOCH_SECONDS) * 1_000_000 & _INT8:016x}"


def text(value: str) -> str:
    return value.encode().hex()


def _integer(size: int) -> Callable[[int], str]:
    return lambda value: value.to_bytes(size, signed=True).hex()


_ENCODINGS: dict[str, Callable[[Any], str]] = {
    "bigint": _integer(8),
    "integer": _integer(4),
    "smallint": _integer(2),
    "boolean": lambda value: "01" if value else "00",
    "bytea": bytes.hex,
    "text": text,
    "timestamp with time zone": lambda value: _integer(8)((value - _EPOCH) // timedelta(microseconds=1)),
    "jsonb": lambda value: "01" + text(json.dumps(value)),
}
