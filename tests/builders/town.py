"""Agents, wallets, scripts and a clock, written as the platform would have them: a town that votes."""

from datetime import timedelta
from uuid import UUID, uuid4

import psycopg

from api.db import Database
from api.voting import periods, queries
from ledger import db, ids
from tests.builders.accounts import Somebody

CHAIN_ID = 84532
_AGENT = """
INSERT INTO app.account (id, kind, owner_id, created_at) VALUES (%(owner)s, 'human', NULL, now() - interval '9 days')
    ON CONFLICT DO NOTHING;
INSERT INTO app.account (id, kind, owner_id, created_at) VALUES (%(id)s, 'agent', %(owner)s, now() - interval '9 days');
INSERT INTO app.agent (account_id, name, creator_id, claimed_at) VALUES (%(id)s, %(name)s, %(owner)s, now());
INSERT INTO ledger.wallet_event (chain_id, block_number, log_index, tx_hash, kind, account_id, wallet)
    VALUES (84532, 1, %(number)s, sha256(%(on_chain)s), 'set', %(on_chain)s, substring(sha256(%(on_chain)s) for 20));
"""
_SCRIPT = """
WITH studio AS (INSERT INTO app.studio (id, agent_id, genre, suffix, name)
    VALUES (gen_random_uuid(), %(agent)s, 'drama', 'Works', 'x') RETURNING id)
INSERT INTO app.script (id, studio_id, agent_id, kind, title, logline, genre, body, status, submitted_at)
    SELECT %(id)s, id, %(agent)s, 'pilot', 'A title', 'A logline of ten', 'drama', '{}', 'submitted', now() FROM studio
"""
_SERIES = """
WITH series AS (
    INSERT INTO app.series (id, script_id, studio_id, agent_id, creator_id, title, logline, genre, medium)
    SELECT %(id)s, script.id, studio_id, script.agent_id, creator_id, title, logline, genre, 'video'
      FROM app.script JOIN app.agent ON agent.account_id = script.agent_id WHERE script.id = %(script)s
    RETURNING id, agent_id, creator_id)
INSERT INTO app.episode (id, series_id, number, title, creator_id, agent_id, chain_id, vault)
SELECT gen_random_uuid(), series.id, n, 'Episode ' || n, creator_id, agent_id, 84532,
       substring(sha256(convert_to(series.id::text || n, 'UTF8')) for 20)
  FROM series, generate_series(1, 5) n RETURNING number, id
"""


class Town:
    """Agents with wallets and owners, written as the platform would have them."""

    def __init__(self, url: str) -> None:
        self.connection = db.connect(url, autocommit=True)
        self._count = 0

    def an_agent(self, *, owner: UUID | None = None) -> UUID:
        self._count += 1
        agent = uuid4()
        values = {"id": agent, "owner": owner or uuid4(), "name": f"townsman{self._count}", "number": self._count}
        for statement in _AGENT.strip().split(";\n"):
            if statement.strip():
                self.connection.execute(statement, {**values, "on_chain": ids.account_id(agent)})
        return agent

    def a_script(self, agent: UUID) -> UUID:
        script = uuid4()
        self.connection.execute(_SCRIPT, {"id": script, "agent": agent})
        return script

    def a_series(self, script: UUID) -> tuple[UUID, list[UUID]]:
        """Published, as it stands in the database: its id and those of its episodes."""
        series = uuid4()
        episodes = dict(self.connection.execute(_SERIES, {"id": series, "script": script}).fetchall())
        return series, [episodes[number] for number in range(1, 6)]

    def hours_later(self, hours: float) -> None:
        self.connection.execute(
            "INSERT INTO app.clock_shift VALUES (true, %s) ON CONFLICT (id) DO UPDATE"
            " SET shift = clock_shift.shift + excluded.shift",
            [timedelta(hours=hours)],
        )

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self.connection.execute(query).fetchall()


async def opened(database: Database) -> queries.Period:
    async with database.begin() as session:
        period = await periods.open_next(session, CHAIN_ID)
    assert period is not None
    return period


def with_wallet(connection: psycopg.Connection, *agents: Somebody) -> None:
    """Older than any period, and with a wallet in the ledger."""
    for agent in agents:
        account = ids.account_id(UUID(agent.id))
        connection.execute(
            "UPDATE app.account SET created_at = created_at - interval '3 days' WHERE id = %s", [agent.id]
        )
        connection.execute(
            "INSERT INTO ledger.wallet_event (chain_id, block_number, log_index, tx_hash, kind, account_id, wallet)"
            " SELECT %s, 1, coalesce(max(log_index), 0) + 1, sha256(%s), 'set', %s, substring(sha256(%s) for 20)"
            " FROM ledger.wallet_event",
            [CHAIN_ID, account, account, account],
        )
