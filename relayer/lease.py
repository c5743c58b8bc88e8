"""The right to act for one key on one chain: held by one database session at a time, checked by every write.

The session's advisory lock goes with the session: a killed relayer frees its key at once, and one whose session is gone
cannot write through it any more. The fence covers what a lock cannot (a pooler that moves sessions, an operator
who unlocks by hand): it counts leases, and a write under an old count changes nothing.
"""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import TupleRow

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('relay.lane:' || %s || ':' || encode(%s, 'hex'), 0))"

_OPEN = """
INSERT INTO relay.lane AS lane (address, chain_id, genesis, next_nonce, fence, holder)
VALUES (%(address)s, %(chain_id)s, %(genesis)s, %(chain_nonce)s, 1, %(holder)s)
ON CONFLICT (address, chain_id) DO UPDATE SET fence = lane.fence + 1, holder = excluded.holder
RETURNING fence, next_nonce, genesis
"""

IDLE_LIMIT_SECONDS = 60
"""A holder writes far more often. Postgres disconnects one that is frozen or cut off, so that another takes over."""


class LeaseLost(Exception):
    """Another relayer acts for this key now, or another key for the request."""


@dataclass(frozen=True, slots=True)
class Writing:
    """A transaction under a lease that was checked; what `record` needs to write."""

    cursor: AsyncCursor[TupleRow]
    address: bytes
    chain_id: int

    async def execute(self, statement: str, **values: Any) -> AsyncCursor[TupleRow]:
        """`address` and `chain_id` are always among the values."""
        return await self.cursor.execute(statement, {**values, "address": self.address, "chain_id": self.chain_id})


class Lease:
    """`acquire`, then `open`; then read through `connection` and write through `writing`."""

    def __init__(self, connection: AsyncConnection[TupleRow], address: bytes, chain_id: int) -> None:
        self.connection = connection
        self.address = address
        self.chain_id = chain_id
        self.next_nonce = 0
        self.genesis = b""
        self._fence = 0

    async def acquire(self) -> bool:
        """False while another relayer holds the key. The connection must be in autocommit mode and ours alone."""
        found = await (await self.connection.execute(_LOCK, (str(self.chain_id), self.address))).fetchone()
        if found is None or not found[0]:
            return False
        for limit in ("idle_session_timeout", "idle_in_transaction_session_timeout", "statement_timeout"):
            await self.connection.execute(f"SET {limit} = '{IDLE_LIMIT_SECONDS}s'")
        return True

    async def open(self, *, genesis: bytes, chain_nonce: int) -> None:
        """Fences the holder before us. `chain_nonce` is where a key begins that was never used here."""
        values = {
            "address": self.address,
            "chain_id": self.chain_id,
            "genesis": genesis,
            "chain_nonce": chain_nonce,
            "holder": f"{socket.gethostname()}:{os.getpid()}",
        }
        found = await (await self.connection.execute(_OPEN, values)).fetchone()
        if found is None:
            raise LeaseLost
        self._fence, self.next_nonce, self.genesis = found

    async def advance(self, next_nonce: int) -> None:
        """Skips nonces that somebody else used."""
        async with self.writing() as writing:
            await writing.execute(
                """UPDATE relay.lane SET next_nonce = greatest(next_nonce, %(next_nonce)s)
                WHERE address = %(address)s AND chain_id = %(chain_id)s""",
                next_nonce=next_nonce,
            )
        self.next_nonce = next_nonce

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """A transaction that commits only if the lease is still ours. Raises LeaseLost."""
        async with self.connection.transaction(), self.connection.cursor() as cursor:
            writing = Writing(cursor, self.address, self.chain_id)
            await writing.execute(
                "SELECT fence FROM relay.lane WHERE address = %(address)s AND chain_id = %(chain_id)s FOR UPDATE"
            )
            found = await cursor.fetchone()
            if found is None or found[0] != self._fence:
                raise LeaseLost
            yield writing
