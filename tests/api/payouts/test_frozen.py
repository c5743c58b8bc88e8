"""While the ledger may not be what the chain says, no claim and no sweep is based on it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from api.db import Database, WriteSession
from api.payouts import service
from ledger import record
from tests.builders.accounts import a_human, problem
from tests.ledger import books as builders
from tests.ledger.books import DEPLOYMENT, START, Books

DIFFERENCE = """INSERT INTO ledger.difference
    (chain_id, part, slice_first, slice_last, subject, place, accounts, column_name, head_number)
VALUES (84532, 'buckets', '', '', 'bucket', '{}', '{}', 'value', 9)"""


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    """With a bucket that has expired by the chain's time."""
    async with builders.opened(database_url) as found:
        found.hold(200_000, START - timedelta(days=1))
        await found.mine()
        yield found


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[WriteSession]:
    database = Database(database_url, pool_size=1)
    async with database.begin() as found:
        yield found
    await database.close()


async def test_a_claim_is_refused(http: httpx.AsyncClient, books: Books) -> None:
    headers = (await a_human(http)).headers
    await record.halt(books.connection, books.cursor, "a reorganisation below the final block")
    answer = await http.post("/api/v1/payouts/claim", json={}, headers={**headers, "Idempotency-Key": "frozen-1"})
    assert problem(answer) == (503, "PAYOUTS_FROZEN")
    assert "Retry-After" in answer.headers


async def test_sweeps_wait_until_the_ledger_is_sound(books: Books, session: WriteSession) -> None:
    books.cursor = await record.halt(books.connection, books.cursor, "a reorganisation below the final block")
    assert await service.sweep_expired(session, DEPLOYMENT) == 0
    assert await service.claim_for_registered(session, DEPLOYMENT) == 0
    await books.mine()
    assert await service.sweep_expired(session, DEPLOYMENT) == 1


async def test_sweeps_wait_while_a_difference_is_open(books: Books, session: WriteSession) -> None:
    await books.connection.execute(DIFFERENCE)  # type: ignore[arg-type]
    assert await service.sweep_expired(session, DEPLOYMENT) == 0
    await books.connection.execute("UPDATE ledger.difference SET resolved_at = now()")
    assert await service.sweep_expired(session, DEPLOYMENT) == 1
