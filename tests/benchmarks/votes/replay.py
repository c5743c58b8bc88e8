"""Forty-eight hours of voting in minutes: sixty agents, thirty scripts, over HTTP, on a database whose clock is moved.

Who should win is computed from what was sent, by the formulas of the documents and none of the platform's code.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import log2, sqrt

import httpx
import psycopg
from fastapi import FastAPI
from rich.console import Console
from rich.progress import track

from api import log
from api.app import create_app
from api.db import Database
from api.studios.rules import GENRES
from api.voting import periods
from ledger import db
from tests.benchmarks.scratch import platform
from tests.builders.accounts import Somebody, an_agent
from tests.builders.studios import a_studio, a_submitted_script
from tests.builders.town import CHAIN_ID, with_wallet

AGENTS, SCRIPTS, TURNOUT, CHANGE_OF_MIND = 60, 30, 0.6, 0.1
HOURS = 48
_CONSOLE = Console(stderr=True)


@dataclass(frozen=True)
class Candidate:
    script: str
    author: Somebody
    genre: str
    quality: float


@dataclass(frozen=True)
class Act:
    """What an agent does at some time: vote up, vote down or take the vote back."""

    hours: float
    voter: Somebody
    script: str
    says: int


@dataclass(frozen=True)
class Outcome:
    """What came of it, and what should have."""

    votes: int
    genres: int
    right_winners: int
    best_won: int
    """Genres whose winner is what most of the voters like best: luck of sixty voters has a part in it."""
    late_refused: int
    late: int


async def replay(seed: int = 7) -> Outcome:
    """Raises AssertionError when the platform's answers contradict themselves."""
    log.configure(level="WARNING", form="json")
    chance = random.Random(seed)
    with platform("sim_votes") as (url, settings), db.connect(url, autocommit=True) as connection:
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            return await _replayed(app, connection, url, chance)


async def _replayed(app: FastAPI, connection: psycopg.Connection, url: str, chance: random.Random) -> Outcome:
    agents = []
    for number in track(range(AGENTS), "agents register", console=_CONSOLE):
        async with _client(app, address=f"10.0.0.{number}") as http:
            agents.append(await an_agent(http))
    async with _client(app, address="10.0.1.0") as http:
        return await _period(http, connection, url, chance, agents)


async def _period(
    http: httpx.AsyncClient,
    connection: psycopg.Connection,
    url: str,
    chance: random.Random,
    agents: Sequence[Somebody],
) -> Outcome:
    with_wallet(connection, *agents)
    karma = {agent.id: chance.choice((0, 5, 20, 60, 120)) for agent in agents}
    for agent in agents:
        connection.execute(
            "INSERT INTO app.karma_event (account_id, kind, subject, points, at)"
            " VALUES (%s, 'participation', 'before', %s, app.clock())",
            [agent.id, karma[agent.id]],
        )
    candidates = [await _candidate(http, chance, agents, n) for n in track(range(SCRIPTS), "write", console=_CONSOLE)]
    database = Database(url, pool_size=2)
    async with database.begin() as session:
        period = await periods.open_next(session, CHAIN_ID)
    assert period is not None
    acts = sorted(_acts(chance, agents, candidates), key=lambda act: act.hours)
    stands: dict[tuple[str, str], int] = {}
    for act in track(acts, "forty-eight hours", console=_CONSOLE):
        _set_clock(connection, act.hours)
        answer = await _act(http, act)
        assert answer.status_code == 200, answer.text
        stands[act.voter.id, act.script] = act.says
    late = [Act(HOURS + 0.001, agent, candidates[0].script, 1) for agent in agents if agent is not candidates[0].author]
    _set_clock(connection, HOURS + 0.001)
    refused = [await _act(http, act) for act in late]
    async with database.begin() as session:
        await periods.close_due(session)
    await database.close()
    results = (await http.get(f"/api/v1/voting/periods/{period.id}/results")).json()
    won = {each["genre"]: each["winner_id"] for each in results["genres"]}
    expected = _winners(candidates, stands, karma)
    best = {
        genre: max((c for c in candidates if c.genre == genre), key=lambda c: c.quality).script for genre in expected
    }
    return Outcome(
        votes=len(acts),
        genres=len(expected),
        right_winners=sum(won.get(genre) == script for genre, script in expected.items()),
        best_won=sum(won[genre] == script for genre, script in best.items()),
        late_refused=sum(answer.json().get("code") == "VOTING_CLOSED" for answer in refused),
        late=len(late),
    )


def _client(app: FastAPI, *, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://simulated", timeout=60)


async def _candidate(http: httpx.AsyncClient, chance: random.Random, agents: Sequence[Somebody], n: int) -> Candidate:
    author, genre = agents[n], GENRES[n % len(GENRES)]
    studio = await a_studio(http, author, category=genre)
    script = await a_submitted_script(http, author, studio=studio, genre=genre)
    return Candidate(script["id"], author, genre, chance.uniform(0.2, 0.8))


def _acts(chance: random.Random, agents: Sequence[Somebody], candidates: Sequence[Candidate]) -> Iterator[Act]:
    for agent in agents:
        for candidate in candidates:
            if agent is candidate.author or chance.random() >= TURNOUT:
                continue
            first, says = chance.uniform(0, HOURS - 1), 1 if chance.random() < candidate.quality else -1
            yield Act(first, agent, candidate.script, says)
            if chance.random() < CHANGE_OF_MIND:
                yield Act(chance.uniform(first, HOURS - 0.1), agent, candidate.script, chance.choice((-says, 0)))


async def _act(http: httpx.AsyncClient, act: Act) -> httpx.Response:
    url = f"/api/v1/voting/scripts/{act.script}"
    if act.says == 0:
        return await http.delete(url, headers=act.voter.headers)
    return await http.post(f"{url}/{'upvote' if act.says > 0 else 'downvote'}", headers=act.voter.headers)


def _winners(
    candidates: Sequence[Candidate], stands: dict[tuple[str, str], int], karma: dict[str, int]
) -> dict[str, str]:
    """By genre: highest Wilson lower bound of (U + 2) / (U + D + 4) with U + D >= 5 (platform.md), z = 1.2816."""
    said: dict[str, dict[int, float]] = defaultdict(lambda: {1: 0.0, -1: 0.0, 0: 0.0})
    for (voter, script), side in stands.items():
        said[script][side] += min(3.0, 0.2 + log2(1 + karma[voter] / 25))
    best: dict[str, tuple[float, str]] = {}
    for candidate in candidates:
        up, down, z = said[candidate.script][1], said[candidate.script][-1], 1.2816
        n = up + down + 4
        p = (up + 2) / n
        score = (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
        if up + down >= 5:
            best[candidate.genre] = max(best.get(candidate.genre, (-1.0, "")), (score, candidate.script))
    return {genre: script for genre, (_, script) in best.items()}


def _set_clock(connection: psycopg.Connection, hours: float) -> None:
    """So many hours after the period opened."""
    connection.execute(
        """INSERT INTO app.clock_shift
           SELECT true, opens_at + %s - clock_timestamp() FROM app.period
           ON CONFLICT (id) DO UPDATE SET shift = excluded.shift""",
        [timedelta(hours=hours)],
    )
