"""New events for whoever listens in this process: one connection asks the database, memory serves all listeners."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from api.db import Database
from api.live.events import Event
from ledger import db as ledger_db

log = structlog.get_logger(__name__)

CHANNEL = "app_event"
PAGE = 500
_KEPT = 5_000
"""Events in memory: whoever is further behind is served from the database."""
_LOOK_SECONDS = 2.0
_AGAIN_SECONDS = 1.0


class Feed:
    """What is new. `after` never misses and never repeats."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recent: deque[Event] = deque(maxlen=_KEPT)
        self._changed = asyncio.Event()
        self._begun = False
        self.last = 0
        """The newest event that is known here."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Feed"]:
        task = asyncio.create_task(self._follow())
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def after(self, event_id: int) -> Sequence[Event]:
        """What followed that event, oldest first, at most PAGE."""
        if event_id >= self.last:
            return ()
        if self._recent and self._recent[0].id <= event_id + 1:
            return [event for event in self._recent if event.id > event_id][:PAGE]
        async with self._database.reading() as session:
            return await events_after(session, event_id)

    async def wait(self, seconds: float) -> bool:
        """Until something is new. False: nothing was, for so long."""
        try:
            return await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return False

    async def _follow(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, SQLAlchemyError, OSError) as error:
                log.warning("feed_interrupted", error=repr(error))
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _listen(self) -> None:
        connection = await ledger_db.connect_async(self._database.url, "molt_api", autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            while True:
                await self._catch_up()
                async for _ in connection.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                    pass

    async def _catch_up(self) -> None:
        if not self._begun:
            async with self._database.reading() as session:
                self.last = int((await session.execute(_LAST)).scalar_one())
            self._begun = True
        while True:
            async with self._database.reading() as session:
                found = await events_after(session, self.last)
            if not found:
                return
            self._recent.extend(found)
            self.last = found[-1].id
            self._changed.set()
            self._changed = asyncio.Event()


async def events_after(session: AsyncSession, event_id: int) -> Sequence[Event]:
    rows: Any = await session.execute(_AFTER, {"after": event_id, "limit": PAGE})
    return [Event(*row) for row in rows]


_AFTER = text(
    """SELECT id, kind, subject, episode_id, account_ids, data, at FROM app.event WHERE id > :after
    ORDER BY id LIMIT :limit"""
)
_LAST = text("SELECT coalesce(max(id), 0) FROM app.event")
