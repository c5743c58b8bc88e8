"""Work after the commit: enqueued in the caller's own transaction (rollback → no job), run by `python -m api worker`.

    @jobs.job("payouts.claim_held", attempts=8)
    async def claim_held(session: WriteSession, held: Resources, *, account_id: str) -> None: ...

    await jobs.enqueue(session, claim_held, key=f"claim:{account_id}", account_id=str(account_id))

A job is one transaction, run at least once, so it must be idempotent. Arguments are JSON. With `every_seconds` the
clock enqueues it, too. `api.worker.JOBS` lists every job: one that is not listed there does not run.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate

from procrastinate import PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

from api import db
from api.db import WriteSession
from api.resources import Resources

QUEUE = "molt"

Run = Callable[Concatenate[WriteSession, Resources, ...], Awaitable[None]]


@dataclass(frozen=True)
class Job:
    """Something the worker can do."""

    name: str
    run: Run
    attempts: int
    """Tried so often, with growing pauses (2 s, 4 s, 8 s, … an hour at most); then it stays `failed`."""
    every_seconds: int | None


def job(name: str, *, attempts: int = 10, every_seconds: int | None = None) -> Callable[[Run], Job]:
    """Names a function as a job: `feature.verb_noun`."""

    def decorate(run: Run) -> Job:
        return Job(name=name, run=run, attempts=attempts, every_seconds=every_seconds)

    return decorate


async def enqueue(
    session: WriteSession, what: Job, *, key: str | None = None, in_seconds: float = 0, **arguments: Any
) -> None:
    """Becomes real when the caller's transaction commits.

    Of one `key`, at most one job waits (another enqueue is dropped) and at most one runs at a time.
    """
    named = f"{what.name}:{key}" if key else None
    try:
        async with session.begin_nested():  # because a duplicate must not abort the caller's transaction
            deferrer = configure_task(
                name=what.name,
                job_manager=JobManager(PsycopgConnector()),
                queue=QUEUE,
                lock=named,
                queueing_lock=named,
                schedule_at=datetime.now(UTC) + timedelta(seconds=in_seconds) if in_seconds else None,
                connection=await db.driver_connection(session),
            )
            await deferrer.defer_async(**arguments)
    except AlreadyEnqueued:
        return
