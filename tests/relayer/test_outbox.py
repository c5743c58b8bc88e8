"""What the API sees of the relayer: enqueue and status, with the API's rights only."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from ledger import db
from relayer import outbox

TO = bytes.fromhex("11" * 20)


@pytest.fixture
async def engine(relay_url: str) -> AsyncIterator[AsyncEngine]:
    engine = db.async_engine(relay_url, "molt_api")
    yield engine
    await engine.dispose()


async def enqueue(session: AsyncSession, **changes):
    act = {"key": "relayer", "to": TO, "data": b"\x01", "purpose": "test", "dedupe_key": "act:1"}
    return await outbox.enqueue(session, **{**act, **changes})


async def test_what_was_enqueued_is_queued(engine):
    async with AsyncSession(engine) as session, session.begin():
        outbox_id = await enqueue(session, value_wei=10**24)
    async with AsyncSession(engine) as session:
        found = await outbox.status(session, outbox_id)
        assert found is not None
        assert (found.state, found.settled, found.key, found.tx_hash) == ("queued", False, "relayer", None)
        assert found == await outbox.status_of_act(session, "act:1")
        assert await outbox.backlog(session, "relayer") == 1
        assert await outbox.backlog(session, "faucet") == 0
        assert await outbox.status(session, uuid4()) is None


async def test_same_dedupe_key_is_the_same_act(engine):
    async with AsyncSession(engine) as session, session.begin():
        first = await enqueue(session)
        assert await enqueue(session) == first
    async with AsyncSession(engine) as session, session.begin():
        assert await enqueue(session) == first
        assert await outbox.backlog(session, "relayer") == 1


async def test_same_dedupe_key_at_the_same_moment_is_the_same_act(engine):
    async def once() -> object:
        async with AsyncSession(engine) as session, session.begin():
            outbox_id = await enqueue(session)
            await asyncio.sleep(0.05)
            return outbox_id

    assert len(set(await asyncio.gather(*(once() for _ in range(5))))) == 1


@pytest.mark.parametrize("other", [{"to": b"\x22" * 20}, {"data": b"\x02"}, {"value_wei": 1}, {"key": "faucet"}])
async def test_dedupe_key_of_another_act_is_refused(engine, other):
    async with AsyncSession(engine) as session, session.begin():
        await enqueue(session)
    async with AsyncSession(engine) as session:
        with pytest.raises(outbox.DedupeKeyReused):
            await enqueue(session, **other)


async def test_nothing_is_enqueued_when_the_callers_transaction_rolls_back(engine):
    async with AsyncSession(engine) as session:
        outbox_id = await enqueue(session)
        await session.rollback()
        assert await outbox.status(session, outbox_id) is None


async def test_enqueue_tells_the_relayer(engine, relay_url):
    listener = await db.connect_async(relay_url, "molt_relayer", autocommit=True)
    async with listener:
        await listener.execute(f"LISTEN {outbox.QUEUED}")
        async with AsyncSession(engine) as session, session.begin():
            await enqueue(session, key="registrar")
        async for heard in listener.notifies(timeout=5, stop_after=1):
            assert heard.payload == "registrar"
            return
    pytest.fail("no notification")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE relay.outbox SET state = 'mined_ok'",
        "DELETE FROM relay.outbox",
        "SELECT raw FROM relay.attempt",
        "UPDATE relay.lane SET halted = NULL",
        "INSERT INTO relay.outbox (key_name, to_address, data, purpose, dedupe_key, state)"
        " VALUES ('relayer', '', '', 'x', 'x', 'mined_ok')",
    ],
)
async def test_the_api_can_only_ask(engine, statement):
    async with AsyncSession(engine) as session:
        with pytest.raises(ProgrammingError) as refused:
            await session.execute(text(statement))
        assert isinstance(refused.value.orig, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize("column", ["to_address", "data", "value_wei", "key_name", "dedupe_key"])
async def test_the_relayer_cannot_change_what_was_asked(relay_url, column):
    async with await db.connect_async(relay_url, "molt_relayer") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(f"UPDATE relay.outbox SET {column} = NULL")


async def test_the_relayer_sees_nothing_else(relay_url):
    async with await db.connect_async(relay_url, "molt_relayer") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("SELECT * FROM ledger.tip_split")
