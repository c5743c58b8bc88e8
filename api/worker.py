"""`python -m api worker`: runs the jobs, and the clock when no other worker has it. Any number of them."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from typing import Any

import structlog
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.retry import RetryDecision
from sqlalchemy import make_url

from api import clock, housekeeping, resources
from api.audit import jobs as audit
from api.discovery import jobs as discovery
from api.jobs import QUEUE, Job
from api.live import announcing
from api.live import jobs as live
from api.payouts import jobs as payouts
from api.privacy import jobs as privacy
from api.resources import Resources
from api.settings import ApiSettings
from api.studios import jobs as studios
from api.tips import jobs as tips
from api.voting import jobs as voting
from api.wallets import jobs as wallets
from api.webhooks import delivering
from api.webhooks import jobs as webhooks

log = structlog.get_logger(__name__)

JOBS: Sequence[Job] = (
    housekeeping.forget_what_expired,
    *audit.JOBS,
    *privacy.JOBS,
    *wallets.JOBS,
    *studios.JOBS,
    *voting.JOBS,
    *discovery.JOBS,
    *tips.JOBS,
    *payouts.JOBS,
    *live.JOBS,
    *webhooks.JOBS,
)
"""Every job of every feature."""

_LONGEST_PAUSE_SECONDS = 3600
_LONGEST_PAUSE_OF_PERIODIC_SECONDS = 30
"""A periodic job that waits to be tried again holds up its later ticks."""
_STALLED_AFTER_SECONDS = 30.0
_REAP_EVERY_SECONDS = 15.0
_GRACE_SECONDS = 10.0


async def run(settings: ApiSettings) -> None:
    """Until SIGINT or SIGTERM; running jobs have 10 seconds to finish, and are done again by others if they do not."""
    async with resources.opened(settings) as held, queue_app(held) as app:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopping.set)
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(_work(app, settings.worker_concurrency)),
            asyncio.create_task(
                clock.run(app, [j for j in JOBS if j.every_seconds], database_url=settings.database_url)
            ),
            asyncio.create_task(_reap(app)),
            asyncio.create_task(announcing.run(held)),
            asyncio.create_task(delivering.run(held)),
        ]
        waiting = asyncio.create_task(stopping.wait())
        done, _ = await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done - {waiting}:
            task.result()


@contextlib.asynccontextmanager
async def queue_app(held: Resources, jobs: Sequence[Job] = JOBS) -> AsyncIterator[App]:
    """Procrastinate with all jobs, connected as role `molt_api`."""
    url = make_url(held.settings.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    connector = PsycopgConnector(
        conninfo=url, kwargs={"options": "-c role=molt_api -c search_path=app,public"}, min_size=1, max_size=4
    )
    app = App(connector=connector)
    for job in jobs:
        app.task(name=job.name, queue=QUEUE, pass_context=True, retry=_Patience(job))(_in_transaction(job, held))
    async with app.open_async():
        yield app


async def run_waiting(app: App) -> None:
    """Runs what waits, then returns (tests, and `make up`'s first seconds)."""
    await app.run_worker_async(queues=[QUEUE], wait=False, install_signal_handlers=False, listen_notify=False)


async def recover_stalled(app: App) -> None:
    """Gives the jobs of workers that died to the living."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_AFTER_SECONDS):
        log.warning("stalled_job_recovered", job=job.task_name, job_id=job.id)
        await app.job_manager.retry_job(job)


class _Patience(RetryStrategy):
    """2 s, 4 s, 8 s, … an hour at most; half a minute for what the clock enqueues more often."""

    def __init__(self, job: Job) -> None:
        super().__init__(max_attempts=job.attempts)
        often = max(job.every_seconds or _LONGEST_PAUSE_SECONDS, _LONGEST_PAUSE_OF_PERIODIC_SECONDS)
        self._longest_pause = min(often, _LONGEST_PAUSE_SECONDS)

    def get_retry_decision(self, *, exception: BaseException, job: Any) -> RetryDecision | None:
        if self.max_attempts is not None and job.attempts >= self.max_attempts:
            return None
        return RetryDecision(retry_in={"seconds": min(2 ** (job.attempts + 1), self._longest_pause)})


def _in_transaction(job: Job, held: Resources) -> Any:
    async def run_job(context: JobContext, *, timestamp: int | None = None, **arguments: Any) -> None:
        with structlog.contextvars.bound_contextvars(job=job.name, job_id=context.job.id):
            try:
                async with held.database.begin() as session:
                    await job.run(session, held, **arguments)
            except Exception as error:
                log.warning("job_failed", attempt=context.job.attempts, error=repr(error), exc_info=True)
                raise

    return run_job


async def _work(app: App, concurrency: int) -> None:
    await app.run_worker_async(
        queues=[QUEUE],
        concurrency=concurrency,
        install_signal_handlers=False,
        shutdown_graceful_timeout=_GRACE_SECONDS,
        delete_jobs="successful",
        fetch_job_polling_interval=2.0,
    )


async def _reap(app: App) -> None:
    while True:
        await asyncio.sleep(_REAP_EVERY_SECONDS)
        try:
            await recover_stalled(app)
        except Exception as error:  # noqa: BLE001 - tried again soon
            log.warning("reaper_failed", error=repr(error))
