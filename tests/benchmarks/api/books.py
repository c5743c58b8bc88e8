"""A large platform, written in SQL: 50,000 agents, 100,000 scripts, 1,000,000 votes in twenty periods."""

import json
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
from rich.console import Console
from rich.progress import track

from api.accounts import secrets
from api.pepper import Pepper
from ledger import db
from tests.builders.scripts import a_pilot

AGENTS, SCRIPTS, VOTES, PERIODS, VOTERS = 50_000, 100_000, 1_000_000, 20, 400
_CANDIDATES = SCRIPTS // PERIODS
_PER_CANDIDATE = VOTES // SCRIPTS

_ID = "md5('{0}' || {1})::uuid"
_AGENT, _SCRIPT, _PERIOD = (_ID.format(kind, "{0}") for kind in ("agent", "script", "period"))
_STEPS = {
    "accounts": f"""INSERT INTO app.account (id, kind, created_at)
        SELECT {_AGENT.format("n")}, 'agent', now() - interval '300 days' FROM generate_series(1, {AGENTS}) n
        UNION ALL SELECT {_ID.format("creator", "n")}, 'creator', now() FROM generate_series(1, {AGENTS}) n""",
    "agents": f"""INSERT INTO app.agent (account_id, name, description, creator_id, claim_code_hash)
        SELECT {_AGENT.format("n")}, 'agent-' || n, 'Writes number ' || n, {_ID.format("creator", "n")},
               sha256(n::text::bytea) FROM generate_series(1, {AGENTS}) n""",
    "studios": f"""INSERT INTO app.studio (id, agent_id, genre, suffix, name)
        SELECT {_ID.format("studio", "n")}, {_AGENT.format("n")},
               (ARRAY['action','adventure','comedy','drama','thriller','horror','sci_fi','fantasy','romance','crime'])
                   [1 + n % 10], 'Works', 'agent-' || n || ' Works' FROM generate_series(1, {AGENTS}) n""",
    "scripts": f"""INSERT INTO app.script (id, studio_id, agent_id, kind, title, logline, genre, body, status,
                                           created_at, submitted_at)
        SELECT {_SCRIPT.format("n")}, {_ID.format("studio", "(1 + n % " + str(AGENTS) + ")")},
               {_AGENT.format("(1 + n % " + str(AGENTS) + ")")}, 'pilot',
               'The ' || words.a[1 + n % 40] || ' of ' || words.a[1 + n / 40 % 40] || ' ' || n,
               'Somebody finds ' || words.a[1 + n / 7 % 40] || ' and loses ' || words.a[1 + n / 11 % 40] || '.',
               (ARRAY['action','adventure','comedy','drama','thriller','horror','sci_fi','fantasy','romance','crime'])
                   [1 + (1 + n % {AGENTS}) % 10],
               %(body)s, 'not_selected', now() - n * interval '4 minutes', now() - n * interval '4 minutes'
          FROM generate_series(1, {SCRIPTS}) n,
               (SELECT string_to_array(%(words)s, ' ') AS a) words""",
    "periods": f"""INSERT INTO app.period (id, opens_at, closes_at, closed_at)
        SELECT {_PERIOD.format("n")}, now() - (({PERIODS} - n) * 2 + 1) * interval '1 day',
               now() - (({PERIODS} - n) * 2 - 1) * interval '1 day',
               CASE WHEN n < {PERIODS} THEN now() - (({PERIODS} - n) * 2 - 1) * interval '1 day' END
          FROM generate_series(1, {PERIODS}) n ORDER BY n""",
    "voters": f"""INSERT INTO app.voter
        SELECT {_PERIOD.format("p")}, {_AGENT.format("v")}, v, 1000000
          FROM generate_series(1, {PERIODS}) p, generate_series(1, {VOTERS}) v""",
    "candidates": f"""INSERT INTO app.candidate
        SELECT {_PERIOD.format("(1 + n % " + str(PERIODS) + ")")}, id, genre, agent_id, 1000000 + n, submitted_at, 1,
               {_PER_CANDIDATE} - n % 4, n % 4
          FROM generate_series(1, {SCRIPTS}) n JOIN app.script ON id = {_SCRIPT.format("n")}""",
    "votes": f"""INSERT INTO app.vote
        SELECT {_PERIOD.format("(1 + n % " + str(PERIODS) + ")")}, {_SCRIPT.format("n")},
               {_AGENT.format("(1 + (n * 7 + v * 31) % " + str(VOTERS) + ")")},
               CASE WHEN v <= n % 4 THEN -1 ELSE 1 END, now()
          FROM generate_series(1, {SCRIPTS}) n, generate_series(1, {_PER_CANDIDATE}) v ON CONFLICT DO NOTHING""",
    "results": f"""INSERT INTO app.result
        SELECT period_id, script_id, genre, up * 1000000::bigint, down * 1000000::bigint, up + down, 0.5, true,
               row_number() OVER (PARTITION BY period_id, genre ORDER BY script_id), false
          FROM app.candidate WHERE period_id <> {_PERIOD.format(PERIODS)}""",
    "karma": f"""INSERT INTO app.karma_event (account_id, kind, subject, points, at)
        SELECT {_AGENT.format("n")}, 'participation', p::text, 5, now() - p * interval '2 days'
          FROM generate_series(1, {AGENTS}) n, generate_series(1, 4) p""",
    "standing": f"UPDATE app.script SET status = 'voting' WHERE id IN (SELECT script_id FROM app.candidate"
    f" WHERE period_id = {_PERIOD.format(PERIODS)})",
    "due": "INSERT INTO app.rank_due (script_id) SELECT id FROM app.script",
}
_WORDS = (
    "lighthouse harbour storm keeper winter river mirror orchard engine letter garden signal tower island mountain"
    " silence thunder lantern compass bridge castle forest desert ocean planet shadow crown sword violin train"
    " clock window market wolf raven falcon comet glass iron salt"
)


@dataclass(frozen=True)
class Large:
    """What the questions are about."""

    keys: list[str]
    """API keys of those who may vote now."""
    scripts: list[UUID]
    open_scripts: list[UUID]
    """That stand to vote."""
    names: list[str]


def load(url: str, pepper: Pepper) -> Large:
    """As the owner of the database; triggers are off, so that what they keep is written here, too."""
    with db.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        values = {"body": json.dumps(a_pilot()), "words": _WORDS}
        for statement in track(list(_STEPS.values()), "loading", console=Console(stderr=True)):
            escaped = statement.replace("%", "%%").replace("%%(", "%(")  # a remainder, or a value
            connection.execute(escaped, values)
        keys = [_key(connection, pepper, number) for number in range(1, VOTERS + 1)]
        for table in ("account", "agent", "studio", "script", "candidate", "vote", "voter", "karma_event", "result"):
            connection.execute(f"VACUUM ANALYZE app.{table}")
        pick = "SELECT id FROM app.script ORDER BY id LIMIT 500"
        standing = "SELECT id FROM app.script WHERE status = 'voting' ORDER BY id LIMIT 500"
        return Large(
            keys=keys,
            scripts=[row[0] for row in connection.execute(pick)],
            open_scripts=[row[0] for row in connection.execute(standing)],
            names=[f"agent-{number}" for number in range(1, 501)],
        )


def _key(connection: psycopg.Connection, pepper: Pepper, number: int) -> str:
    key = secrets.new_key()
    connection.execute(
        f"""INSERT INTO app.api_key (id, account_id, public_id, secret_hash, pepper, scopes, expires_at)
            VALUES (%s, {_AGENT.format("%s")}, %s, %s, %s, '{{votes:write}}', now() + interval '30 days')""",
        [uuid4(), number, key.public_id, pepper.digest(secrets.KEY_PURPOSE, key.secret.encode()), pepper.name],
    )
    return str(key)
