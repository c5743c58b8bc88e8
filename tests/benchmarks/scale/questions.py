"""What the API asks of the ledger, in its own functions, for accounts taken at random; how long it takes, and how."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from api.payouts import queries as payouts
from api.payouts import statement_queries as statements
from api.payouts.rules import MOST_ENTRIES
from api.tips import queries as tips
from ledger import balances
from ledger.ids import PLATFORM_ID
from tests.benchmarks.scale.market import CHAIN_ID, START, Market

LARGE = 100_000
"""A table of that many rows is never read from end to end."""

Ask = Callable[[AsyncSession], Awaitable[object]]


@dataclass
class Question:
    """`ask` picks who or what it is about anew each time."""

    name: str
    ask: Ask
    times: int = 100
    of_all: bool = False
    """No endpoint asks this, and it is about everything: it may read everything."""


@dataclass
class Answered:
    p50_ms: float
    p99_ms: float
    slowest_ms: float
    scans: list[str] = field(default_factory=list)
    """Large tables that the plan reads from end to end."""


def questions(market: Market, now: datetime) -> list[Question]:
    """Of everybody in proportion to their tips, of the largest creator and agent, and of the platform."""
    largest, agent = market.creators[0], market.agents[0]
    vault = bytes.fromhex(str(market.episodes[0].vault)[8:])
    cut = {"since": START + timedelta(days=3, hours=5), "until": now - timedelta(days=2, hours=7)}
    halfway = (market.number // 2, 0, "")

    def earned(who: Callable[[], bytes], **how: Any) -> Ask:
        return lambda session: payouts.earned(session, CHAIN_ID, [who()], **how)

    def moved(who: Callable[[], bytes], after: tuple[int, int, str] | None = None) -> Ask:
        return lambda session: payouts.movements(session, CHAIN_ID, [who()], after=after)

    def by_origin(ask: Any, who: Callable[[], bytes], **how: Any) -> Ask:
        return lambda session: ask(session, CHAIN_ID, [who()], **how)

    def stated(who: Callable[[], bytes]) -> Ask:
        async def ask(session: AsyncSession) -> object:
            since, accounts = now.replace(day=1, hour=0, minute=0, second=0), [who()]
            blocks = await balances.blocks_between(session, CHAIN_ID, since, now)
            await statements.held_before(session, CHAIN_ID, accounts, since, blocks[0])
            return await statements.entries(session, CHAIN_ID, accounts, blocks, limit=MOST_ENTRIES + 1)

        return ask

    def platform(group_by: Any) -> Ask:
        return lambda session: balances.earnings(session, CHAIN_ID, PLATFORM_ID, group_by=group_by)

    def tipped(**which: Callable[[], bytes]) -> Ask:
        return lambda session: tips.tips(session, CHAIN_ID, **{name: pick() for name, pick in which.items()})

    return [
        Question("earnings by day", earned(market.a_creator, group_by="day")),
        Question("earnings by episode", earned(market.a_creator, group_by="episode")),
        Question("earnings by role, days cut", earned(market.a_creator, group_by="role", **cut)),
        Question("earnings by day, largest creator", earned(lambda: largest, group_by="day")),
        Question("earnings by series, largest creator", earned(lambda: largest, group_by="series")),
        Question("earnings by role, largest creator, days cut", earned(lambda: largest, group_by="role", **cut)),
        Question("earnings by day, largest agent", earned(lambda: agent, group_by="day")),
        Question("earnings by rail", by_origin(payouts.earned_by_rail, market.a_creator), times=20),
        Question("earnings by rail, largest creator", by_origin(payouts.earned_by_rail, lambda: largest), times=5),
        Question("earnings by payer", by_origin(payouts.earned_by_payer, market.a_creator), times=20),
        Question("earnings by payer, largest creator", by_origin(payouts.earned_by_payer, lambda: largest), times=5),
        Question(
            "earnings by payer, largest creator, days cut",
            by_origin(payouts.earned_by_payer, lambda: largest, **cut),
            times=5,
        ),
        Question("statement of a month", stated(market.a_creator), times=20),
        Question("statement of a month, largest creator", stated(lambda: largest), times=5),
        Question("statement of a month, without a wallet", stated(lambda: market.creators[3]), times=20),
        Question("earnings by day, platform", platform("day")),
        Question("earnings by role, platform", platform("role")),
        Question("earnings by ref, platform", platform("ref"), times=5, of_all=True),
        Question("payouts, first page", moved(market.a_creator)),
        Question("payouts, first page, largest creator", moved(lambda: largest)),
        Question("payouts, page in the middle, largest creator", moved(lambda: largest, halfway)),
        Question("payouts, first page, without a wallet", moved(lambda: market.creators[3])),
        Question("totals", lambda session: payouts.totals(session, CHAIN_ID, [market.a_creator()])),
        Question("totals, largest creator", lambda session: payouts.totals(session, CHAIN_ID, [largest])),
        Question("held buckets", lambda session: balances.held_buckets(session, CHAIN_ID, market.a_creator())),
        Question(
            "held buckets, without a wallet",
            lambda session: balances.held_buckets(session, CHAIN_ID, market.creators[3]),
        ),
        Question("expired buckets", lambda session: balances.expired_buckets(session, CHAIN_ID, now), times=20),
        Question("live buckets (job)", lambda session: payouts.live_buckets(session, CHAIN_ID, now), times=20),
        Question("vaults to flush (job)", lambda session: balances.vaults_to_flush(session, CHAIN_ID), times=20),
        Question("vault balances", lambda session: balances.vault_balances(session, CHAIN_ID), times=3, of_all=True),
        Question("newest into vault", lambda session: tips.newest_transfer_into(session, CHAIN_ID, vault)),
        Question("tips of an episode", tipped(ref=lambda: bytes.fromhex(market.an_episode().ref[8:]))),
        Question("tips of an account", tipped(account_id=market.a_creator)),
        Question("tips of the largest creator", tipped(account_id=lambda: largest)),
        Question("tips of a payer", tipped(payer=market.a_payer)),
        Question("tips, newest", tipped()),
        Question("tips of a transaction", tipped(tx_hash=market.a_transaction)),
    ]


async def answer(engine: AsyncEngine, question: Question) -> Answered:
    """Asks `times` times, after a first time that warms up, then asks Postgres how it would do it."""
    taken = []
    async with AsyncSession(engine) as session:
        await question.ask(session)
        for _ in range(question.times):
            started = time.perf_counter()
            await question.ask(session)
            taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    p99 = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    return Answered(
        taken[len(taken) // 2], p99, taken[-1], [] if question.of_all else await _large_scans(engine, question)
    )


async def _large_scans(engine: AsyncEngine, question: Question) -> list[str]:
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with AsyncSession(engine) as session:
        await question.ask(session)
        event.remove(engine.sync_engine, "before_cursor_execute", note)
        connection = await session.connection()
        large = set(
            await session.scalars(
                text("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND reltuples > :large"),
                {"large": LARGE},
            )
        )
        scans: set[str] = set()
        for statement, parameters in asked:
            explained = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON, VERBOSE) {statement}", parameters)
            plan = explained.scalar_one()
            scans |= _scanned((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"])
    return sorted(scans & large)


def _scanned(node: dict[str, Any]) -> set[str]:
    below = set().union(*(_scanned(each) for each in node.get("Plans", [])))
    if node["Node Type"] != "Seq Scan":
        return below
    return below | {f"{node['Schema']}.{node['Relation Name']}"}


def now_of(market: Market) -> datetime:
    return datetime.fromtimestamp(market.timestamp, UTC)
