"""The API with 1,000,000 votes, 100,000 scripts and 50,000 agents: p99, plans, requests a second and core.

A bare handler that reads one row takes its turns in every round, on the same machine: the ratio to it is what carries
over to other machines. CPU is the server's own (/proc), so that the generator beside it does not count. The last line
is one JSON object; an endpoint whose plan reads a large table from end to end fails the run.
"""

import asyncio
import json
import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import httpx
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from api.app import create_app
from api.db import Database
from api.discovery import ranking
from api.pepper import Pepper
from api.settings import ApiSettings
from ledger import db
from tests.benchmarks.api import books, plans
from tests.benchmarks.api.books import Large
from tests.benchmarks.scratch import Process, platform, serve

CHAIN_ID, AT_ONCE = 84532, 8
_CONSOLE = Console(stderr=True)
_chance = random.Random(7)


@dataclass(frozen=True)
class Question:
    """An endpoint, asked about something else each time: (method, path, headers)."""

    name: str
    ask: Callable[[], tuple[str, str, dict[str, str]]]
    is_bare: bool = False


@dataclass
class Measured:
    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0
    wrong: int = 0


def questions(large: Large) -> list[Question]:
    def get(path: Callable[[], str]) -> Callable[[], tuple[str, str, dict[str, str]]]:
        return lambda: ("GET", path(), {})

    def vote() -> tuple[str, str, dict[str, str]]:
        side = _chance.choice(("upvote", "downvote"))
        path = f"/api/v1/voting/scripts/{_chance.choice(large.open_scripts)}/{side}"
        return "POST", path, {"Authorization": f"Bearer {_chance.choice(large.keys)}"}

    return [
        Question("bare handler", get(lambda: f"/script/{_chance.choice(large.scripts)}"), is_bare=True),
        Question("feed hot", get(lambda: "/api/v1/feed?sort=hot&limit=20")),
        Question("feed rising, a genre", get(lambda: "/api/v1/feed?sort=rising&category=drama&limit=20")),
        Question("search", get(lambda: f"/api/v1/search?q={_chance.choice(_PAIRS)}&limit=20")),
        Question("script page", get(lambda: f"/api/v1/scripts/{_chance.choice(large.scripts)}")),
        Question("votes of a script", get(lambda: f"/api/v1/voting/scripts/{_chance.choice(large.open_scripts)}")),
        Question("vote", vote),
        Question("karma", get(lambda: f"/api/v1/karma/{_chance.choice(large.names)}")),
    ]


_PAIRS = ("lighthouse+storm", "raven+castle", "ocean+train", "sword+violin", "comet+mirror", "winter+garden")


def main(
    rounds: Annotated[int, typer.Option()] = 3, seconds: Annotated[float, typer.Option(help="of each turn")] = 4.0
) -> None:
    with platform("sim_bench_api") as (url, settings):
        large = books.load(url, Pepper(settings.pepper))
        asyncio.run(_ranked(url))
        with db.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE app.work_rank")
            asked = questions(large)
            scans = asyncio.run(_scans(settings, connection, asked))
        started = {True: serve(settings, "tests.benchmarks.api.bare"), False: serve(settings)}
        try:
            measured = _measured(started, asked, rounds=rounds, seconds=seconds)
        finally:
            for _, process in started.values():
                process.terminate()
                process.wait(30)
    _show(measured, scans)


async def _ranked(url: str) -> None:
    """By the platform's own job."""
    database, left = Database(url, pool_size=2), books.SCRIPTS
    for _ in track(range(left // 2000 + 1), "ranking", console=_CONSOLE):
        async with database.begin() as session:
            await ranking.refresh(session, CHAIN_ID)
    await database.close()


async def _scans(settings: ApiSettings, connection: Any, asked: list[Question]) -> dict[str, list[str]]:
    app, found = create_app(settings), {}
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        for question in asked:
            if question.is_bare:
                continue
            method, path, headers = question.ask()
            with plans.recorded() as statements:
                answer = await http.request(method, path, headers=headers)
            assert answer.status_code == 200, (path, answer.text)
            found[question.name] = plans.scans_of_large_tables(connection, statements)
    return found


def _measured(
    started: dict[bool, tuple[int, Process]], asked: list[Question], *, rounds: int, seconds: float
) -> dict[str, Measured]:
    at = {bare: (f"http://127.0.0.1:{port}", process.pid) for bare, (port, process) in started.items()}
    found: dict[str, Measured] = defaultdict(Measured)
    for number in track(range(-1, rounds), "measuring", console=_CONSOLE):
        for question in asked:
            url, pid = at[question.is_bare]
            before = _cpu_seconds(pid)
            took, wrong = asyncio.run(_turn(url, question, seconds if number >= 0 else 1.0))
            if number >= 0:  # the first round only warms up
                into = found[question.name]
                into.seconds += took
                into.cpu += _cpu_seconds(pid) - before
                into.wrong += wrong
    return found


async def _turn(url: str, question: Question, seconds: float) -> tuple[list[float], int]:
    took, wrong, until = [], 0, time.perf_counter() + seconds

    async def one_after_another(session: aiohttp.ClientSession) -> None:
        nonlocal wrong
        while (began := time.perf_counter()) < until:
            method, path, headers = question.ask()
            async with session.request(method, url + path, headers={**headers, **_from_anywhere()}) as answer:
                await answer.read()
                wrong += answer.status != 200
            took.append(time.perf_counter() - began)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one_after_another(session) for _ in range(AT_ONCE)))
    return took, wrong


def _from_anywhere() -> dict[str, str]:
    """The limits per address are not what is measured."""
    return {"X-Forwarded-For": f"10.{_chance.randrange(256)}.{_chance.randrange(256)}.{_chance.randrange(256)}"}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _show(measured: dict[str, Measured], scans: dict[str, list[str]]) -> None:
    table = Table("endpoint", "p50 ms", "p99 ms", "requests/s and core", "of bare", "reads whole")
    bare = _per_core(measured["bare handler"])
    result = {}
    for name, each in measured.items():
        p50, p99 = statistics.median(each.seconds), statistics.quantiles(each.seconds, n=100)[98]
        per_core = _per_core(each)
        row = {"p50_ms": round(p50 * 1e3, 1), "p99_ms": round(p99 * 1e3, 1), "per_core": round(per_core)}
        result[name] = {
            **row,
            "of_bare": round(per_core / bare, 3),
            "not_200": each.wrong,
            "scans": scans.get(name, []),
        }
        shown = (f"{row['p50_ms']}", f"{row['p99_ms']}", f"{per_core:,.0f}", f"{per_core / bare:.0%}")
        table.add_row(name, *shown, ", ".join(scans.get(name, [])) or "nothing")
    _CONSOLE.print(table)
    typer.echo(
        json.dumps({"votes": books.VOTES, "scripts": books.SCRIPTS, "agents": books.AGENTS, "endpoints": result})
    )
    if any(scans.values()) or any(each.wrong for each in measured.values()):
        raise typer.Exit(1)


def _per_core(measured: Measured) -> float:
    return len(measured.seconds) / measured.cpu


if __name__ == "__main__":
    typer.run(main)
