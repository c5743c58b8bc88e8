"""Runs the announcer in the worker: at once when the ledger says that it moved, and every second anyway."""

import asyncio
import contextlib

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.live import announcer
from api.resources import Resources
from ledger import db as ledger_db

log = structlog.get_logger(__name__)

_LEADER_LOCK = 0x6D6F6C74_74656C6C  # "molttell"
_LEDGER_CHANNEL = "ledger"
_PAUSE_SECONDS = 1.0
_STANDBY_SECONDS = 3.0


async def run(held: Resources) -> None:
    """Until cancelled: announces when no other worker does, else stands by."""
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            connection = await ledger_db.connect_async(held.settings.database_url, "molt_api", autocommit=True)
            async with connection:
                cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [_LEADER_LOCK])
                row = await cursor.fetchone()
                if row and row[0]:
                    await connection.execute(f"LISTEN {_LEDGER_CHANNEL}")
                    log.info("announcer_leads")
                    await _lead(held, connection)
        await asyncio.sleep(_STANDBY_SECONDS)


async def _lead(held: Resources, connection: psycopg.AsyncConnection) -> None:
    """Until the connection, and with it the lock, is lost. Raises psycopg.OperationalError then."""
    while True:
        await _announce_all(held)
        async for _ in connection.notifies(timeout=_PAUSE_SECONDS, stop_after=1):
            pass
        await connection.execute("SELECT")


async def _announce_all(held: Resources) -> None:
    more = True
    while more:
        try:
            async with held.database.begin() as session:
                more = await announcer.announce(session, held.chain_id)
        except SQLAlchemyError as error:
            log.warning("announcer_failed", error=repr(error))
            return
