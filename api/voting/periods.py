"""The only writer of periods and their results. Opening fixes who decides on what; closing counts, once."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from psycopg.types.json import Jsonb
from sqlalchemy import text

from api.audit import trail
from api.db import WriteSession
from api.karma import queries as karma_queries
from api.karma import rules as karma
from api.karma import service as karma_log
from api.karma.service import Award
from api.voting import electorate, queries, rings, rules
from api.voting.queries import Period
from api.voting.rings import Suspicion
from api.voting.rules import Ballot, Placed, Voice

log = structlog.get_logger(__name__)

LENGTH = timedelta(hours=48)
_LOOK_BACK = 6
"""Periods in which the same hands may show themselves."""


async def open_next(session: WriteSession, chain_id: int, *, length: timedelta = LENGTH) -> Period | None:
    """None while one is open, and while no script waits."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('app.period', 0))"))
    if await queries.unclosed(session) is not None:
        return None
    waiting = await queries.scripts_that_wait(session)
    if not waiting:
        return None
    now, period_id = await queries.clock(session), uuid4()
    await session.execute(_OPEN, {"id": period_id, "opens_at": now, "closes_at": now + length})
    accounts = await queries.accounts(session, chain_id, now=now, authors=[row.agent_id for row in waiting])
    cluster_of = electorate.clusters(accounts, labels=random.SystemRandom())
    voters = [each for each in accounts if each.eligible]
    await session.execute(
        _VOTERS,
        {
            "period_id": period_id,
            "accounts": [each.id for each in voters],
            "clusters": [cluster_of[each.id] for each in voters],
            "weights": [rules.weight_of(each.karma) for each in voters],
        },
    )
    for row in waiting:
        turn = {"period_id": period_id, "script_id": row.id, "author_cluster": cluster_of[row.agent_id]}
        await session.execute(_CANDIDATE, {**row._mapping, **turn})
    await session.execute(_VOTING, {"ids": [row.id for row in waiting]})
    facts = {"candidates": len(waiting), "voters": len(voters), "closes_at": (now + length).isoformat()}
    await trail.record(session, actor=None, action="period.opened", subject=("period", period_id), data=facts)
    return await queries.period(session, period_id)


async def close_due(session: WriteSession) -> Period | None:
    """Counts the period that is over, if there is one. Votes being cast are waited for; later ones are refused."""
    period = await queries.unclosed(session, for_update=True)
    now = await queries.clock(session)
    if period is None or now < period.closes_at:
        return None
    await session.execute(text("UPDATE app.period SET closed_at = :now WHERE id = :id"), {"now": now, "id": period.id})
    ballots = await queries.ballots(session, period.id)
    suspicions = await _suspicions(session, period, ballots)
    voices = rings.marked(rules.voices(ballots), suspicions)
    placed = rules.results(await queries.candidates(session, period.id), rules.tallies(voices))
    await _publish(session, period, voices, placed)
    await _remember(session, period, suspicions, ballots)
    await _settle_scripts(session, placed)
    await _reward(session, period, ballots, placed, now)
    facts = {"votes": len(ballots), "selected": [str(each.candidate.script_id) for each in placed if each.selected]}
    await trail.record(session, actor=None, action="period.closed", subject=("period", period.id), data=facts)
    log.info("period_closed", number=period.number, votes=len(ballots), rings=len(suspicions))
    return await queries.period(session, period.id)


async def _suspicions(session: WriteSession, period: Period, ballots: Sequence[Ballot]) -> list[Suspicion]:
    entries = await queries.entries(session, period.id, periods_before=_LOOK_BACK)
    earlier = await queries.earlier_ballots(
        session, period.id, [entry.script_id for entry in entries if not entry.is_now]
    )
    cast = {(each.script_id, each.cluster): each.cast_at for each in ballots}
    return rings.suspected(entries, rules.voices([*earlier, *ballots]), cast)


async def _publish(session: WriteSession, period: Period, voices: Sequence[Voice], placed: Sequence[Placed]) -> None:
    columns = {
        "scripts": [each.script_id for each in voices],
        "clusters": [each.cluster for each in voices],
        "sides": [each.side for each in voices],
        "weights": [each.weight for each in voices],
        "voters": [each.voters for each in voices],
        "rings": [each.ring for each in voices],
    }
    await session.execute(_VOICES, {"period_id": period.id, **columns})
    for each in placed:
        values = {
            "period_id": period.id,
            "script_id": each.candidate.script_id,
            "genre": each.candidate.genre,
            "up": each.tally.up,
            "down": each.tally.down,
            "voices": each.tally.voices,
            "score": each.tally.score,
            "has_quorum": each.tally.has_quorum,
            "place": each.place,
            "selected": each.selected,
        }
        await session.execute(_RESULT, values)


async def _remember(
    session: WriteSession, period: Period, suspicions: Sequence[Suspicion], ballots: Sequence[Ballot]
) -> None:
    """Each suspicion with its evidence, for operators to review."""
    for number, ring in enumerate(suspicions, start=1):
        ring_id = uuid4()
        evidence = {**ring.evidence, "scripts": sorted(map(str, ring.scripts))}
        facts = {"id": ring_id, "period_id": period.id, "number": number, "kind": ring.kind}
        await session.execute(_RING, {**facts, "evidence": Jsonb(evidence)})
        members = {each.voter_id for each in ballots if each.cluster in ring.clusters}
        await session.execute(_MEMBERS, {"ring_id": ring_id, "accounts": sorted(members)})


async def _settle_scripts(session: WriteSession, placed: Sequence[Placed]) -> None:
    selected = [each.candidate.script_id for each in placed if each.selected]
    await session.execute(_SELECTED, {"ids": selected})
    others = [each.candidate.script_id for each in placed if not each.selected]
    await session.execute(_NOT_SELECTED, {"ids": others, "last": rules.PERIODS_AT_MOST})


async def _reward(
    session: WriteSession, period: Period, ballots: Sequence[Ballot], placed: Sequence[Placed], now: datetime
) -> None:
    """Taking part, being voted up, being selected."""
    voted: dict[UUID, int] = {}
    for ballot in ballots:
        voted[ballot.voter_id] = voted.get(ballot.voter_id, 0) + 1
    week = await karma_queries.participation_since(session, list(voted), now - timedelta(days=7))
    awards = [
        Award(
            account,
            "participation",
            str(period.id),
            karma.participation(voted=count, eligible=len(placed), in_the_week_before=week.get(account, karma.NOTHING)),
        )
        for account, count in voted.items()
    ]
    author_of = await queries.authors(session, period.id)
    for each in placed:
        script_id = each.candidate.script_id
        points = karma.author(each.tally.up / rules.MICRO)
        awards.append(Award(author_of[script_id], "author", f"{period.id}:{script_id}", points))
        if each.selected:
            awards.append(Award(author_of[script_id], "selected", str(script_id), karma.FIXED["selected"]))
    await karma_log.award(session, [each for each in awards if each.points], at=now)


_OPEN = text("INSERT INTO app.period (id, opens_at, closes_at) VALUES (:id, :opens_at, :closes_at)")
_VOTERS = text(
    """INSERT INTO app.voter (period_id, account_id, cluster, weight_micro)
    SELECT :period_id, *
      FROM unnest(CAST(:accounts AS uuid[]), CAST(:clusters AS integer[]), CAST(:weights AS integer[]))"""
)
_CANDIDATE = text(
    """INSERT INTO app.candidate (period_id, script_id, genre, author_id, author_cluster, submitted_at, nth)
    VALUES (:period_id, :script_id, :genre, :agent_id, :author_cluster, :submitted_at, :nth)"""
)
_VOICES = text(
    """INSERT INTO app.voice (period_id, script_id, cluster, side, weight_micro, voters, ring)
    SELECT :period_id, *
      FROM unnest(CAST(:scripts AS uuid[]), CAST(:clusters AS integer[]), CAST(:sides AS smallint[]),
                  CAST(:weights AS integer[]), CAST(:voters AS integer[]), CAST(:rings AS integer[]))"""
)
_RESULT = text(
    """INSERT INTO app.result VALUES (:period_id, :script_id, :genre, :up, :down, :voices, :score, :has_quorum,
        :place, :selected)"""
)
_RING = text(
    """INSERT INTO app.ring (id, period_id, number, kind, evidence)
    VALUES (:id, :period_id, :number, :kind, :evidence)"""
)
_MEMBERS = text("INSERT INTO app.ring_member SELECT :ring_id, unnest(CAST(:accounts AS uuid[]))")
_VOTING = text("UPDATE app.script SET status = 'voting', updated_at = now() WHERE id = ANY(:ids)")
_SELECTED = text(
    "UPDATE app.script SET status = 'selected', updated_at = now() WHERE id = ANY(:ids) AND status = 'voting'"
)
"""What was published or removed meanwhile stays so."""
_NOT_SELECTED = text(
    """UPDATE app.script SET updated_at = now(),
           status = CASE WHEN (SELECT count(*) FROM app.candidate WHERE script_id = script.id) < :last
                         THEN 'not_selected' ELSE 'retired' END
     WHERE id = ANY(:ids) AND status = 'voting'"""
)
