"""A period from its opening to its result, on the database's own clock, moved by hours."""

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.db import Database, WriteSession
from api.voting import periods, queries, rules
from ledger import db
from tests.builders.town import CHAIN_ID, Town, opened


async def cast(database: Database, period: queries.Period, script: UUID, voter: UUID, side: int) -> str | None:
    """The SQLSTATE of a refusal."""
    try:
        async with database.begin() as session:
            await _insert(session, period, script, voter, side)
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", error))
    return None


async def _insert(session: WriteSession, period: queries.Period, script: UUID, voter: UUID, side: int) -> None:
    await session.execute(
        text(
            """INSERT INTO app.vote (period_id, script_id, voter_id, side, cast_at) VALUES (:p, :s, :v, :side, now())
            ON CONFLICT (period_id, script_id, voter_id) DO UPDATE SET side = excluded.side
            WHERE vote.side <> excluded.side"""
        ),
        {"p": period.id, "s": script, "v": voter, "side": side},
    )


async def test_a_period_is_decided_by_those_who_were_there_when_it_opened(town: Town, database: Database) -> None:
    author, rival = town.an_agent(), town.an_agent()
    good, bad = town.a_script(author), town.a_script(rival)
    sister, voters = town.an_agent(owner=(owner := uuid4())), [town.an_agent() for _ in range(30)]
    brother = town.an_agent(owner=owner)
    period = await opened(database)
    async with database.begin() as session:
        assert await periods.open_next(session, CHAIN_ID) is None, "one at a time"
        assert await periods.close_due(session) is None, "it is not over"
    latecomer = town.an_agent()
    assert await cast(database, period, good, latecomer, 1) == "23503"
    assert await cast(database, period, good, author, 1) == "MV002"
    for voter in (*voters, sister, brother):
        assert await cast(database, period, good, voter, 1) is None
        assert await cast(database, period, bad, voter, -1 if voter in voters[:20] else 1) is None
    assert await cast(database, period, good, voters[0], 1) is None, "the same again is the same"
    assert await cast(database, period, good, voters[0], -1) is None
    assert town.rows("SELECT up, down FROM app.candidate WHERE up + down > 0 ORDER BY up") == [(12, 20), (31, 1)]

    town.hours_later(48)
    assert await cast(database, period, good, voters[1], -1) == "MV001", "the clock ends it, not the counting"
    async with database.begin() as session:
        assert (await periods.close_due(session)) is not None
        assert await periods.close_due(session) is None, "closed once"
    assert await cast(database, period, good, voters[1], -1) == "MV001"
    async with database.reading() as session:
        first, second = await queries.results(session, period.id)
        voices = await queries.voices(session, period.id, after=None, limit=1000)
    assert (first.script_id, first.selected, first.voices, first.raw_up) == (good, True, 31, 31)
    assert first.up_micro == 30 * 200_000, "sister and brother are one voice"
    assert (second.selected, second.place) == (False, 2)
    counted = rules.tallies(voices)
    assert {
        each.script_id: (counted[each.script_id].up, counted[each.script_id].score) for each in (first, second)
    } == {each.script_id: (each.up_micro, each.score) for each in (first, second)}, (
        "anyone can compute it again from what is published"
    )
    assert town.rows("SELECT status FROM app.script ORDER BY status") == [("not_selected",), ("selected",)]
    ((karma, points),) = town.rows("SELECT sum(karma), (SELECT sum(points) FROM app.karma_event) FROM app.account")
    assert karma == points > 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        town.connection.execute("DELETE FROM app.karma_event")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        town.connection.execute("UPDATE app.period SET closed_at = closed_at + interval '1 hour'")


async def test_a_script_has_three_periods(town: Town, database: Database) -> None:
    town.a_script(town.an_agent())
    for status in ("not_selected", "not_selected", "retired"):
        await opened(database)
        town.hours_later(48)
        async with database.begin() as session:
            await periods.close_due(session)
        assert town.rows("SELECT status FROM app.script") == [(status,)]
    async with database.begin() as session:
        assert await periods.open_next(session, CHAIN_ID) is None, "nothing waits"


async def test_the_counting_waits_for_votes_that_are_being_cast(town: Town, database: Database) -> None:
    script, voter = town.a_script(town.an_agent()), town.an_agent()
    period = await opened(database)
    async with database.begin() as voting:
        await _insert(voting, period, script, voter, 1)
        town.hours_later(48)

        async def count() -> None:
            async with database.begin() as session:
                await periods.close_due(session)

        counting = asyncio.create_task(count())
        await asyncio.sleep(0.3)
        assert not counting.done()
    await counting
    assert town.rows("SELECT voices FROM app.result") == [(1,)]


def test_only_scratch_databases_move_the_clock(postgres_server: str, migrated_template: str) -> None:
    from deploy.local import postgres

    url = postgres.ensure_database(postgres_server, "books", template=migrated_template)
    with db.connect(url, autocommit=True) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("INSERT INTO app.clock_shift VALUES (true, '1 hour')")
    postgres.drop_database(postgres_server, "books")


@given(up=st.integers(0, 10**10), down=st.integers(0, 10**10), more=st.integers(0, 10**9))
def test_one_more_vote_up_never_lowers_the_score(up: int, down: int, more: int) -> None:
    micro = rules.MicroVotes
    assert rules.wilson(micro(up + more), micro(down)) >= rules.wilson(micro(up), micro(down)) - 1e-12
