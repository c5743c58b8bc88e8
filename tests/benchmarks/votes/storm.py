"""Two hundred clients vote, flip and withdraw at random through three replicas that are killed; it ends midway.

What must hold afterwards: stored tallies are recomputed tallies, no vote after the closing instant, one vote of each
agent and script, every answer that said so stands, karma is the sum of its events. One line of JSON at the end.
"""

import asyncio
import json
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
import typer
from rich.console import Console
from rich.progress import track

from api.db import Database
from api.settings import ApiSettings
from api.voting import periods
from ledger import db
from tests.benchmarks.scratch import Process, platform, serve
from tests.builders.accounts import Somebody, an_agent
from tests.builders.studios import a_studio, a_submitted_script
from tests.builders.town import CHAIN_ID, with_wallet

CLIENTS, SCRIPTS, SECONDS, REPLICAS = 200, 12, 40, 3
_CONSOLE = Console(stderr=True)
_CHECKS: dict[str, LiteralString] = {
    "tallies_differ": """SELECT count(*) FROM (
        SELECT up, down, count(*) FILTER (WHERE side = 1) AS ups, count(*) FILTER (WHERE side = -1) AS downs
          FROM app.candidate LEFT JOIN app.vote USING (period_id, script_id)
         GROUP BY period_id, script_id, up, down) each WHERE up <> ups OR down <> downs""",
    "votes_after_the_end": """SELECT count(*) FROM app.vote JOIN app.period ON period.id = period_id
         WHERE cast_at >= closes_at""",
    "votes_more_than_one": """SELECT count(*) FROM (SELECT FROM app.vote GROUP BY script_id, voter_id
        HAVING count(*) > 1) each""",
    "karma_differs": """SELECT count(*) FROM app.account a WHERE karma <> coalesce(
        (SELECT sum(points) FROM app.karma_event e WHERE e.account_id = a.id), 0)""",
    "voices_miss_votes": "SELECT (SELECT sum(voters) FROM app.voice) - (SELECT count(*) FROM app.vote)",
}


@dataclass
class Storm:
    """What the clients were told."""

    urls: list[str]
    scripts: list[str]
    answers: Counter[str] = field(default_factory=Counter)
    stands: dict[tuple[str, str], str | None] = field(default_factory=dict)
    """The last thing that each client was told of its vote on a script; nothing while an outcome is unknown."""


def main(seconds: int = SECONDS, seed: int = 7) -> None:
    found = asyncio.run(_storm(seconds, random.Random(seed)))
    typer.echo(json.dumps(found))
    if any(found["wrong"].values()):
        raise typer.Exit(1)


async def _storm(seconds: int, chance: random.Random) -> dict[str, Any]:
    with platform("sim_storm") as (url, settings), db.connect(url, autocommit=True) as connection:
        replicas = [serve(settings) for _ in range(REPLICAS)]
        storm = Storm([f"http://127.0.0.1:{port}" for port, _ in replicas], [])
        try:
            agents = await _people(storm, connection)
            database = Database(url, pool_size=2)
            async with database.begin() as session:
                period = await periods.open_next(session, CHAIN_ID)
            assert period is not None
            until = time.monotonic() + seconds
            clients = [
                asyncio.create_task(_client(storm, agent, random.Random(chance.random()), until)) for agent in agents
            ]
            killed = await _trouble(replicas, settings, connection=connection, database=database, seconds=seconds)
            await asyncio.gather(*clients)
            await database.close()
        finally:
            for _, process in replicas:
                process.kill()
                process.wait()
        wrong = {name: _one(connection, check) for name, check in _CHECKS.items()}
        wrong["told_and_not_so"] = _contradicted(storm, connection)
        votes = _one(connection, "SELECT count(*) FROM app.vote")
    return {"clients": CLIENTS, "killed": killed, "answers": dict(storm.answers), "votes": votes, "wrong": wrong}


async def _people(storm: Storm, connection: psycopg.Connection) -> list[Somebody]:
    """Clients, and a dozen authors, all with wallets."""
    people = []
    for number in track(range(CLIENTS + SCRIPTS), "agents register", console=_CONSOLE):
        headers = {"X-Forwarded-For": f"10.1.{number // 256}.{number % 256}"}
        async with httpx.AsyncClient(base_url=storm.urls[number % REPLICAS], headers=headers, timeout=60) as http:
            person = await an_agent(http, name=f"storm-{number}")
            people.append(person)
            if number >= CLIENTS:
                studio = await a_studio(http, person)
                storm.scripts.append((await a_submitted_script(http, person, studio=studio))["id"])
    with_wallet(connection, *people)
    return people[:CLIENTS]


async def _client(storm: Storm, agent: Somebody, chance: random.Random, until: float) -> None:
    async with httpx.AsyncClient(headers=agent.headers, timeout=20) as http:
        while time.monotonic() < until:
            script, wish = chance.choice(storm.scripts), chance.choice(("upvote", "upvote", "downvote", ""))
            await _ask(storm, http, agent, chance=chance, script=script, wish=wish)
            await asyncio.sleep(chance.uniform(1.0, 3.0))


async def _ask(
    storm: Storm, http: httpx.AsyncClient, agent: Somebody, *, chance: random.Random, script: str, wish: str
) -> None:
    """Again with the same Idempotency-Key, elsewhere, while nobody answers: as the client library does."""
    key, place = str(uuid4()), (agent.id, script)
    for _ in range(8):
        path = f"{chance.choice(storm.urls)}/api/v1/voting/scripts/{script}"
        method, path = ("POST", f"{path}/{wish}") if wish else ("DELETE", path)
        try:
            answer = await http.request(method, path, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            storm.answers["no answer"] += 1
            storm.stands.pop(place, None)
            await asyncio.sleep(0.3)
            continue
        said = answer.json()
        storm.answers[str(said.get("code", answer.status_code))] += 1
        if answer.status_code == httpx.codes.OK:
            storm.stands[place] = said["your_vote"]
        if answer.status_code not in {409, 503} or said.get("code") == "VOTING_CLOSED":
            return
        await asyncio.sleep(0.3)


async def _trouble(
    replicas: list[tuple[int, Process]],
    settings: ApiSettings,
    *,
    connection: psycopg.Connection,
    database: Database,
    seconds: int,
) -> int:
    """Three kills in the first half, each replica comes back; then the end, with everybody at it."""
    killed = 0
    for number in range(3):
        await asyncio.sleep(seconds / 8)
        port, process = replicas[number % REPLICAS]
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
        await asyncio.sleep(1.0)
        replicas[number % REPLICAS] = serve(settings, port=port, wait=False)
    await asyncio.sleep(seconds / 8)
    connection.execute(
        "INSERT INTO app.clock_shift SELECT true, closes_at - clock_timestamp() - interval '2 seconds' FROM app.period"
    )
    await asyncio.sleep(4)
    async with database.begin() as session:
        assert await periods.close_due(session) is not None
    return killed


def _one(connection: psycopg.Connection, query: LiteralString) -> int:
    return sum(int(row[0]) for row in connection.execute(query))


def _contradicted(storm: Storm, connection: psycopg.Connection) -> int:
    """Of what clients were told last, how much is not what stands."""
    rows = connection.execute("SELECT voter_id::text, script_id::text, side FROM app.vote").fetchall()
    stored = {(voter, script): "up" if side > 0 else "down" for voter, script, side in rows}
    return sum(stored.get(place) != said for place, said in storm.stands.items())


if __name__ == "__main__":
    typer.run(main)
