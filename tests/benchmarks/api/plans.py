"""The plan of every statement that an endpoint sends, asked of the planner with the same values."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import Engine

LARGE = 10_000
"""Rows from which on reading a whole table is a finding."""


@dataclass(frozen=True)
class Statement:
    sql: str
    values: Any


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """What SQLAlchemy sends meanwhile, in this process."""
    found: list[Statement] = []

    def note(_c: Any, _u: Any, statement: str, parameters: Any, _x: Any, many: bool) -> None:
        if not many and statement.lstrip().upper().startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "(")):
            found.append(Statement(statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def scans_of_large_tables(connection: psycopg.Connection, statements: Sequence[Statement]) -> list[str]:
    """The tables of more than 10,000 rows that a plan reads from end to end."""
    sizes: dict[str, int] = dict(
        connection.execute("SELECT relname::text, reltuples::bigint FROM pg_class WHERE relkind = 'r'").fetchall()
    )
    found = set()
    for statement in statements:
        explain = psycopg.sql.SQL("EXPLAIN (FORMAT JSON) {}").format(psycopg.sql.SQL(statement.sql))
        row = connection.execute(explain, statement.values).fetchone()
        assert row is not None
        plan = row[0] if isinstance(row[0], list) else json.loads(row[0])
        found |= {table for table in _scanned(plan[0]["Plan"]) if sizes.get(table, 0) > LARGE}
    return sorted(found)


def _scanned(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for below in node.get("Plans", []):
        yield from _scanned(below)
