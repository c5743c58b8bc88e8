"""Whoever has something held is told on days 0, 7, 21, 27 and 29: in the account, and as an event; once each."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from api.db import Database
from api.live import announcer
from api.payouts import service
from ledger import ids
from tests.builders.accounts import Somebody, an_agent, problem
from tests.ledger import books as builders
from tests.ledger.books import CHAIN_ID, DEPLOYMENT, START, Books


async def the_clock_ticks(database: Database) -> None:
    async with database.begin() as session:
        await service.notify_of_holds(session, DEPLOYMENT)
    async with database.begin() as session:
        await announcer.announce(session, CHAIN_ID)


async def events(database: Database, agent: Somebody) -> list[tuple[int, str]]:
    query = text("SELECT data FROM app.event WHERE kind = 'share.notice' AND :id = ANY(account_ids) ORDER BY id")
    async with database.reading() as session:
        rows = await session.scalars(query, {"id": UUID(agent.id)})
        return [(data["day"], data["amount_micro_usdc"]) for data in rows]


async def test_each_notice_is_written_and_told_once(
    http: httpx.AsyncClient, books: Books, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builders, "BLOCK_SECONDS", 12 * 3600)
    agent, stranger = await an_agent(http), await an_agent(http)
    expires_at = START + timedelta(days=30)
    books.hold(2_500, expires_at, account_id=ids.account_id(UUID(agent.id)))
    for half_day in range(60):
        if half_day == 24:
            books.hold(1_000, expires_at, account_id=ids.account_id(UUID(agent.id)))
        await books.mine()
        await the_clock_ticks(database)
        await the_clock_ticks(database)
    assert await events(database, agent) == [(0, "2500"), (7, "2500"), (21, "3500"), (27, "3500"), (29, "3500")]
    shown = (await http.get("/api/v1/payouts/notices", params={"limit": 3}, headers=agent.headers)).json()
    assert [notice["day"] for notice in shown["data"]] == [29, 27, 21]
    rest = {"limit": 3, "cursor": shown["next_cursor"]}
    older = (await http.get("/api/v1/payouts/notices", params=rest, headers=agent.headers)).json()
    assert [notice["day"] for notice in older["data"]] == [7, 0]
    nothing = await http.get("/api/v1/payouts/notices", headers=stranger.headers)
    assert nothing.json()["data"] == []
    foreign = await http.get("/api/v1/payouts/notices", params={"account_id": agent.id}, headers=stranger.headers)
    assert problem(foreign) == (404, "ACCOUNT_NOT_FOUND")
