"""Jobs come from committed transactions only, once per key; the clock's ticks happen once, whoever ticks."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from procrastinate import App
from sqlalchemy import text

from api import clock, jobs, resources, worker
from api.db import WriteSession
from api.resources import Resources
from api.settings import ApiSettings
from ledger import db


@jobs.job("probe.note", attempts=3, every_seconds=3600)
async def note(session: WriteSession, _held: Resources, *, words: str = "tick", fails: bool = False) -> None:
    await session.execute(
        text(
            """INSERT INTO app.audit_event (actor_kind, action, subject_kind, subject_id)
            VALUES ('platform', 'note.kept', 'note', :words)"""
        ),
        {"words": words},
    )
    if fails:
        raise RuntimeError("after the write")


@pytest.fixture
async def held(api_settings: ApiSettings) -> AsyncIterator[Resources]:
    async with resources.opened(api_settings) as opened:
        yield opened


@pytest.fixture
async def app(held: Resources) -> AsyncIterator[App]:
    async with worker.queue_app(held, [note]) as opened:
        yield opened


def kept(database_url: str) -> list[str]:
    with db.connect(database_url) as connection:
        return [row[0] for row in connection.execute("SELECT subject_id FROM app.audit_event ORDER BY id")]


async def test_job_runs_after_the_commit(held: Resources, app: App, database_url: str) -> None:
    async with held.database.begin() as session:
        await jobs.enqueue(session, note, words="first")
        await worker.run_waiting(app)
        assert kept(database_url) == []
    await worker.run_waiting(app)
    assert kept(database_url) == ["first"]


async def test_rollback_leaves_no_job(held: Resources, app: App, database_url: str) -> None:
    async def changes_its_mind() -> None:
        async with held.database.begin() as session:
            await jobs.enqueue(session, note, words="never")
            raise LookupError

    with pytest.raises(LookupError):
        await changes_its_mind()
    await worker.run_waiting(app)
    assert kept(database_url) == []


async def test_one_key_waits_once_and_does_not_break_the_transaction(
    held: Resources, app: App, database_url: str
) -> None:
    async with held.database.begin() as session:
        for _ in range(3):
            await jobs.enqueue(session, note, key="same", words="once")
        await jobs.enqueue(session, note, key="other", words="other")
    await worker.run_waiting(app)
    assert sorted(kept(database_url)) == ["once", "other"]
    async with held.database.begin() as session:
        await jobs.enqueue(session, note, key="same", words="again")
    await worker.run_waiting(app)
    assert sorted(kept(database_url)) == ["again", "once", "other"]


async def test_failed_job_leaves_nothing_and_is_tried_later(held: Resources, app: App, database_url: str) -> None:
    async with held.database.begin() as session:
        await jobs.enqueue(session, note, words="half", fails=True)
    await worker.run_waiting(app)
    assert kept(database_url) == []
    with db.connect(database_url) as connection:
        row = connection.execute("SELECT status, attempts, scheduled_at > now() FROM app.procrastinate_jobs").fetchone()
    assert row == ("todo", 1, True)


async def test_job_of_a_dead_worker_is_done_by_another(held: Resources, app: App, database_url: str) -> None:
    async with held.database.begin() as session:
        await jobs.enqueue(session, note, words="orphan")
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute("SET search_path TO app")
        connection.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')")
        connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)"
        )
    await worker.run_waiting(app)
    assert kept(database_url) == []
    await worker.recover_stalled(app)
    await worker.run_waiting(app)
    assert kept(database_url) == ["orphan"]


async def test_job_of_a_dead_worker_does_not_hold_up_the_next_one(held: Resources, app: App, database_url: str) -> None:
    """Its own retry and the one that waits share a key; procrastinate lets only one of those wait under it."""
    async with held.database.begin() as session:
        await jobs.enqueue(session, note, key="same", words="orphan")
    with db.connect(database_url, autocommit=True) as connection:
        connection.execute("SET search_path TO app")
        connection.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute')")
        connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)"
        )
    async with held.database.begin() as session:
        await jobs.enqueue(session, note, key="same", words="next")
    await worker.recover_stalled(app)
    await worker.run_waiting(app)
    assert kept(database_url) == ["orphan", "next"]


@jobs.job("probe.overtaken", attempts=2)
async def overtaken(_session: WriteSession, held: Resources) -> None:
    """Fails when the next one waits already."""
    async with held.database.begin() as another:
        await jobs.enqueue(another, overtaken, key="same")
    raise RuntimeError("after the next one came to wait")


async def test_job_that_fails_while_the_next_one_waits_is_tried_again(held: Resources, database_url: str) -> None:
    async with worker.queue_app(held, [overtaken]) as app:
        async with held.database.begin() as session:
            await jobs.enqueue(session, overtaken, key="same")
        await worker.run_waiting(app)
    with db.connect(database_url) as connection:
        rows = connection.execute("SELECT status, attempts FROM app.procrastinate_jobs ORDER BY id").fetchall()
    assert rows == [("todo", 1), ("todo", 0)]


async def test_two_clocks_tick_once(held: Resources, app: App, database_url: str) -> None:
    async with worker.queue_app(held, [note]) as other:
        ticks = await asyncio.gather(
            *(clock.tick(each, note, now=1_000_000_000.0) for each in (app, other, app, other))
        )
    assert sorted(ticks) == [False, False, False, True]
    await worker.run_waiting(app)
    assert await clock.tick(app, note, now=1_000_000_000.0 + 5) is False  # the same hour, although the job is done
    assert await clock.tick(app, note, now=1_000_000_000.0 + 3600) is True
    await worker.run_waiting(app)
    assert kept(database_url) == ["tick", "tick"]


async def test_one_clock_leads_and_another_takes_over(
    held: Resources, app: App, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_STANDBY_SECONDS", 0.1)
    leaders: list[str] = []

    async def lead(_app: App, _jobs: object, _connection: object) -> None:
        leaders.append("one" if asyncio.current_task() is one else "two")
        await asyncio.sleep(60)

    monkeypatch.setattr(clock, "_lead", lead)
    one = asyncio.create_task(clock.run(app, [note], database_url=database_url))
    await until(lambda: leaders == ["one"])
    two = asyncio.create_task(clock.run(app, [note], database_url=database_url))
    await asyncio.sleep(0.5)
    assert leaders == ["one"]
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    await until(lambda: leaders == ["one", "two"])
    two.cancel()
    await asyncio.gather(two, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - nothing to wait on but the database
            await asyncio.sleep(0.05)


def test_queue_schema_is_the_installed_one() -> None:
    """A newer procrastinate needs a migration of ours: its own from `procrastinate/sql/migrations`."""
    from pathlib import Path

    from procrastinate.schema import SchemaManager

    import api

    ours = Path(api.__file__).parent / "migrations/sql/procrastinate_3_10.sql"
    assert ours.read_text() == SchemaManager.get_schema()
