"""Many who vote, flip and withdraw at once, some of them when it ends: what is stored is what was counted."""

import asyncio
import random
from uuid import UUID, uuid4

from api.callers import Agent
from api.db import Database
from api.errors import Problem
from api.voting import periods, service
from tests.builders.town import Town, opened

VOTERS, SCRIPTS, ACTS = 40, 4, 400


async def test_stored_tallies_are_recomputed_tallies(town: Town, database_url: str) -> None:
    scripts = [town.a_script(town.an_agent()) for _ in range(SCRIPTS)]
    voters = [town.an_agent() for _ in range(VOTERS)]
    replicas = [Database(database_url, pool_size=10), Database(database_url, pool_size=10)]
    period = await opened(replicas[0])
    chance, late = random.Random(1), []

    async def act(number: int) -> None:
        voter, script, wish = chance.choice(voters), chance.choice(scripts), chance.choice([1, 1, -1, 0])
        try:
            async with chance.choice(replicas).begin() as session:
                if wish:
                    await service.cast(session, _agent(voter), script, 1 if wish == 1 else -1)
                else:
                    await service.withdraw(session, _agent(voter), script)
        except Problem as problem:
            late.append(problem.code)
        if number == ACTS // 2:
            town.hours_later(48)
            async with replicas[1].begin() as session:
                await periods.close_due(session)

    await asyncio.gather(*(act(number) for number in range(ACTS)))
    for replica in replicas:
        await replica.close()
    assert set(late) == {"VOTING_CLOSED"}
    stored = town.rows("SELECT script_id, up, down FROM app.candidate ORDER BY script_id")
    recomputed = town.rows(
        """SELECT script_id, count(*) FILTER (WHERE side = 1), count(*) FILTER (WHERE side = -1)
             FROM app.candidate LEFT JOIN app.vote USING (period_id, script_id) GROUP BY script_id ORDER BY script_id"""
    )
    assert stored == recomputed
    assert town.rows(
        "SELECT count(*) FROM app.vote JOIN app.period ON period.id = period_id WHERE cast_at >= closes_at"
    ) == [(0,)]
    assert town.rows("SELECT sum(voters) FROM app.voice") == town.rows("SELECT count(*) FROM app.vote")
    karma = town.rows(
        "SELECT count(*) FROM app.account a WHERE karma <> coalesce("
        "(SELECT sum(points) FROM app.karma_event e WHERE e.account_id = a.id), 0)"
    )
    assert karma == [(0,)]
    assert town.rows("SELECT id FROM app.period WHERE closed_at IS NOT NULL") == [(period.id,)]


def _agent(account_id: UUID) -> Agent:
    return Agent(account_id=account_id, name="a", creator_id=uuid4(), owner_id=None, key_id=uuid4())
