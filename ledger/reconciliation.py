"""Whether the ledger equals the chain: how far each part was compared, and which differences are open.

Only the indexer imports it; the API reads the same through `balances.differences`. Facts are not touched here. All
functions want a connection in autocommit mode.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Part = Literal["totals", "buckets", "vaults", "wallets", "blocks", "rollups"]
"""See `models.RECONCILED_PARTS`."""
PARTS: tuple[Part, ...] = get_args(Part)


class Slice(NamedTuple):
    """What is compared at once. The bounds are inclusive; how they are written is the part's own affair."""

    part: Part
    first: str
    last: str


@dataclass(frozen=True)
class Difference:
    """One thing that the ledger and the chain say differently. `None`: that side has no such row."""

    where: str
    place: dict[str, Any]
    column: str | None
    ledger: Any
    chain: Any
    accounts: tuple[bytes, ...] = ()
    """Whose money it is about, as far as the rows say."""

    @property
    def key(self) -> tuple[str, str, str | None]:
        """What makes it the same difference when it is found again."""
        return self.where, str(sorted(self.place.items())), self.column

    def __str__(self) -> str:
        named = {key: value for key, value in self.place.items() if value is not None}
        place = ", ".join(f"{key} {value}" for key, value in named.items())
        whose = ", ".join("0x" + account.hex() for account in self.accounts if "account_id" not in named)
        suffix = f" (of account {whose})" if whose else ""
        if self.column is None:
            side, other = ("chain", "ledger") if self.ledger is None else ("ledger", "chain")
            return f"{self.where}: {place}: the {side} has a row that the {other} has not{suffix}"
        return f"{self.where}: {place}: {self.column} is {self.ledger} in the ledger, {self.chain} on the chain{suffix}"


@dataclass(frozen=True)
class Open(Difference):
    """One that was recorded and is not resolved."""

    id: int = 0
    part: Part = "blocks"
    slice_first: str = ""
    slice_last: str = ""
    found_at: datetime | None = None

    @property
    def slice(self) -> Slice:
        return Slice(self.part, self.slice_first, self.slice_last)


async def positions(connection: Connection, chain_id: int) -> dict[str, str | None]:
    """Where each part goes on; a part that never began is missing, None is the start of a round."""
    found = await connection.execute(_POSITIONS, (chain_id,))
    return dict(await found.fetchall())


async def advance(connection: Connection, chain_id: int, part: Part, position: str | None) -> int:
    """Notes one more slice, and the end of a round when `position` is None; answers the rounds so far."""
    values = {"chain_id": chain_id, "part": part, "position": position, "ended": int(position is None)}
    row = await (await connection.execute(_ADVANCE, values)).fetchone()
    return int(row[0]) if row else 0


async def open_differences(connection: Connection, chain_id: int) -> list[Open]:
    """Every difference that was recorded and not yet resolved, the oldest first."""
    async with connection.cursor(row_factory=class_row(Open)) as cursor:
        await cursor.execute(_OPEN, (chain_id,))
        return await cursor.fetchall()


async def note(
    connection: Connection,
    chain_id: int,
    compared: Slice,
    found: Sequence[Difference],
    *,
    known: Sequence[Open],
    head_number: int,
) -> tuple[list[Difference], list[Open]]:
    """Records what a slice found, and resolves what it had found before and does not find again.

    `known`: the open ones. Answers those that are new, and those that are resolved.
    """
    here = {each.key: each for each in found}
    of_slice = [each for each in known if each.slice == compared]
    again = [each.id for each in known if each.key in here]
    resolved = [each for each in of_slice if each.key not in here]
    known_keys = {each.key for each in known}
    new = [each for key, each in here.items() if key not in known_keys]
    async with connection.transaction():
        for each in new:
            await connection.execute(_FOUND, _row(each, chain_id, compared, head_number))
        await connection.execute(_SEEN, (head_number, again))
        await connection.execute(_RESOLVED, ([each.id for each in resolved],))
    return new, resolved


async def resolve_except(
    connection: Connection, chain_id: int, found: Collection[Difference], seen_before: datetime
) -> int:
    """Resolves every open difference that was last seen before this time and is not among those found; how many."""
    keys = {each.key for each in found}
    stale = [each.id for each in await open_differences(connection, chain_id) if each.key not in keys]
    done = await connection.execute(_RESOLVED_BEFORE, (stale, seen_before))
    return done.rowcount


def _row(found: Difference, chain_id: int, compared: Slice, head_number: int) -> dict[str, Any]:
    return {
        "chain_id": chain_id,
        **compared._asdict(),
        "subject": found.where,
        "place": Jsonb(found.place),
        "accounts": list(found.accounts),
        "block_number": found.place.get("block_number", found.place.get("number")),
        "log_index": found.place.get("log_index"),
        "column": found.column,
        "ledger": None if found.ledger is None else Jsonb(found.ledger),
        "chain": None if found.chain is None else Jsonb(found.chain),
        "head_number": head_number,
    }


_POSITIONS = "SELECT part, position FROM ledger.reconciliation WHERE chain_id = %s"

_ADVANCE = """
INSERT INTO ledger.reconciliation AS before
VALUES (%(chain_id)s, %(part)s, %(position)s, 1, %(ended)s, now(), CASE WHEN %(ended)s = 1 THEN now() END)
ON CONFLICT (chain_id, part) DO UPDATE SET position = excluded.position, slices = before.slices + 1,
    rounds = before.rounds + excluded.rounds, sliced_at = now(),
    round_ended_at = coalesce(excluded.round_ended_at, before.round_ended_at)
RETURNING rounds"""

_OPEN = """
SELECT subject AS "where", place, column_name AS "column", ledger_value AS ledger, chain_value AS chain, accounts, id,
    part, slice_first, slice_last, found_at
FROM ledger.difference WHERE chain_id = %s AND resolved_at IS NULL ORDER BY id"""

_FOUND = """
INSERT INTO ledger.difference (chain_id, part, slice_first, slice_last, subject, place, accounts, block_number,
    log_index, column_name, ledger_value, chain_value, head_number)
VALUES (%(chain_id)s, %(part)s, %(first)s, %(last)s, %(subject)s, %(place)s, %(accounts)s, %(block_number)s,
    %(log_index)s, %(column)s, %(ledger)s, %(chain)s, %(head_number)s)"""

_SEEN = "UPDATE ledger.difference SET seen_at = now(), head_number = %s WHERE id = ANY(%s)"
_RESOLVED = "UPDATE ledger.difference SET resolved_at = now() WHERE id = ANY(%s)"
_RESOLVED_BEFORE = """
UPDATE ledger.difference SET resolved_at = now() WHERE id = ANY(%s) AND seen_at < %s AND resolved_at IS NULL"""
