"""When things happen: one leader among all workers enqueues each job of `every_seconds` on time.

Ticks are aligned to the epoch, and a tick's job is enqueued once for ever (procrastinate keeps the last tick of each),
so two clocks at once, or one that takes over, do no harm. A missed tick is made up for when the next leader starts.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

import psycopg
import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job as QueuedJob

from api.jobs import QUEUE, Job
from ledger import db as ledger_db

log = structlog.get_logger(__name__)

_LEADER_LOCK = 0x6D6F6C74_636C6F63  # "moltcloc"
_STANDBY_SECONDS = 5.0
_PULSE_SECONDS = 2.0


async def run(app: App, jobs: Sequence[Job], *, database_url: str) -> None:
    """Until cancelled: leads when no other clock does, else stands by."""
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            async with _leading(database_url) as connection:
                if connection is not None:
                    await _lead(app, jobs, connection)
        await asyncio.sleep(_STANDBY_SECONDS)


async def tick(app: App, job: Job, *, now: float) -> bool:
    """Enqueues the job for the tick that `now` (unix seconds) is in. False: done already, or the last one waits."""
    assert job.every_seconds is not None  # noqa: S101 - only such jobs are given to the clock
    instant = int(now // job.every_seconds) * job.every_seconds
    queued = QueuedJob(
        id=None,
        queue=QUEUE,
        lock=job.name,
        queueing_lock=job.name,
        task_name=job.name,
        task_kwargs={"timestamp": instant},  # procrastinate insists
        priority=0,
    )
    try:
        enqueued = await app.job_manager.defer_periodic_job(job=queued, periodic_id="clock", defer_timestamp=instant)
    except AlreadyEnqueued:
        return False
    return enqueued is not None


@contextlib.asynccontextmanager
async def _leading(database_url: str) -> AsyncIterator[psycopg.AsyncConnection | None]:
    """A connection that holds the leader's lock; None when another one does."""
    connection = await ledger_db.connect_async(database_url, "molt_api", autocommit=True)
    async with connection:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [_LEADER_LOCK])
        row = await cursor.fetchone()
        yield connection if row and row[0] else None


async def _lead(app: App, jobs: Sequence[Job], connection: psycopg.AsyncConnection) -> None:
    """Until the connection, and with it the lock, is lost. Raises psycopg.OperationalError then."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    for job in jobs:
        scheduler.add_job(_tick_now, IntervalTrigger(seconds=job.every_seconds), args=[app, job], coalesce=True)
    scheduler.start()
    log.info("clock_leads", jobs=[job.name for job in jobs])
    try:
        for job in jobs:
            await _tick_now(app, job)
        while True:
            await connection.execute("SELECT 1")
            await asyncio.sleep(_PULSE_SECONDS)
    finally:
        scheduler.shutdown(wait=False)
        log.info("clock_stopped")


async def _tick_now(app: App, job: Job) -> None:
    try:
        await tick(app, job, now=time.time())
    except Exception as error:  # noqa: BLE001 - the next tick makes up for it
        log.warning("tick_failed", job=job.name, error=repr(error))
