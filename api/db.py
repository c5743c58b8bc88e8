"""Sessions on our Postgres. A request or a job is one transaction; the edge opens and commits it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, Request
from psycopg import AsyncConnection
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from ledger import db as ledger_db

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class ReadSession(AsyncSession):
    """Sees one moment: REPEATABLE READ, and Postgres refuses writes in it."""


class WriteSession(ReadSession):
    """What services take: a transaction that commits when the answer has been made."""


class Database:
    """Postgres as role `molt_api`."""

    def __init__(self, database_url: str, *, pool_size: int = 10) -> None:
        self.url = database_url
        self._engine = ledger_db.async_engine(
            database_url, "molt_api", pool_size=pool_size, max_overflow=pool_size // 2, pool_timeout=10
        )
        event.listen(self._engine.sync_engine, "connect", _prepare)
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @property
    def engine(self) -> AsyncEngine:
        return self._engine

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[WriteSession]:
        """Commits on the way out, unless something was raised."""
        async with WriteSession(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        async with ReadSession(self._reading, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def for_request(self, method: str) -> AsyncIterator[WriteSession]:
        """A GET's session is a WriteSession by type only: Postgres refuses writes in it."""
        engine = self._reading if method in _SAFE_METHODS else self._engine
        async with WriteSession(engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def close(self) -> None:
        await self._engine.dispose()


async def driver_connection(session: AsyncSession) -> AsyncConnection[Any]:
    """The psycopg connection under the session, in the same transaction (COPY, libraries that take one).

    Transactions and savepoints begin with the first statement only: before it, whoever took the connection was outside.
    """
    await session.execute(text("SELECT"))
    raw = await (await session.connection()).get_raw_connection()
    connection = raw.driver_connection
    if not isinstance(connection, AsyncConnection):
        raise TypeError(connection)
    return connection


def _prepare(connection: Any, _record: Any) -> None:
    """Procrastinate's functions name their tables without a schema. And nothing may hold up the others for ever."""
    cursor = connection.cursor()
    cursor.execute("SET search_path TO app, public")
    cursor.execute("SET lock_timeout TO '5s'")
    cursor.execute("SET statement_timeout TO '30s'")
    cursor.execute("SET idle_in_transaction_session_timeout TO '2min'")
    cursor.close()
    connection.commit()


def _session_of(request: Request) -> WriteSession:
    session = request.state.session
    if not isinstance(session, WriteSession):
        raise TypeError(session)
    return session


Reading = Annotated[ReadSession, Depends(_session_of)]
"""For endpoints that only read."""
Writing = Annotated[WriteSession, Depends(_session_of)]
"""For endpoints that write: POST, PATCH, PUT, DELETE."""
