"""When a block's tips were committed, seen from outside, in the same way and by the same clock for everybody.

A trigger on the table of tips sends a notification with the commit; the observer waits for it, and counts. Whoever
writes a block in several transactions has committed it with the last of them.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

_FUNCTION = """
CREATE FUNCTION public.tell_observer() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('observed', ''); RETURN NULL; END $$"""
_TRIGGER = """
CREATE TRIGGER tell_observer AFTER INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION public.tell_observer()"""


class NeverCommitted(Exception):
    """Not within the time allowed: the contender is lost, or was never there."""


@dataclass(frozen=True)
class Tips:
    """Where a contender keeps its tips: one row each, and the number of its block."""

    table: str
    """With its schema."""
    block_number: str = "block_number"
    only: str = "true"
    """Which of the table's rows are tips, in SQL."""

    @property
    def place(self) -> sql.Identifier:
        return sql.Identifier(*self.table.split("."))

    def count(self, connection: psycopg.Connection, block_number: int | None = None) -> int:
        """Of one block or of all; 0 while there is no such table."""
        block = sql.Identifier(self.block_number)
        where = sql.SQL("true") if block_number is None else sql.SQL("{} = {}").format(block, block_number)
        only = sql.SQL(self.only)  # type: ignore[arg-type]
        try:
            found = connection.execute(
                sql.SQL("SELECT count(*) FROM {} WHERE {} AND {}").format(self.place, only, where)
            )
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return 0
        (count,) = found.fetchone() or (0,)
        return int(count)


@dataclass
class Observer:
    tips: Tips
    _reader: psycopg.Connection
    _listener: psycopg.Connection

    def until_complete(self, tips: int, seconds: float) -> None:
        """Until so many tips are there at all; from then on, commits are heard. Raises NeverCommitted."""
        give_up = time.monotonic() + seconds
        while (there := self.tips.count(self._reader)) != tips:
            if time.monotonic() > give_up:
                raise NeverCommitted(f"{there} of {tips} tips after {seconds:.0f} s")
            time.sleep(0.05)
        self._reader.execute(_FUNCTION)
        self._reader.execute(sql.SQL(_TRIGGER).format(table=self.tips.place))
        self._listener.execute("LISTEN observed")

    def committed_at(self, block_number: int, tips: int, seconds: float = 10.0) -> float:
        """By `time.perf_counter`, when the block's last tip was there to be read. Raises NeverCommitted."""
        give_up = time.perf_counter() + seconds
        while (now := time.perf_counter()) < give_up:
            for _ in self._listener.notifies(timeout=give_up - now, stop_after=1):
                heard_at = time.perf_counter()
                if self.tips.count(self._reader, block_number) == tips:
                    return heard_at
        raise NeverCommitted(f"block {block_number} was not there after {seconds:.0f} s")


@contextmanager
def observer(database_url: str, tips: Tips) -> Iterator[Observer]:
    options: dict[str, Any] = {"autocommit": True}
    with psycopg.connect(database_url, **options) as reader, psycopg.connect(database_url, **options) as listener:
        yield Observer(tips, reader, listener)
