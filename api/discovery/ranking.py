"""The only writer of the ranking. Each change makes an edition; an edition is never changed, only forgotten.

Whoever reads page after page reads one edition, so that nothing comes twice and nothing is missed while others vote.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from random import SystemRandom
from typing import get_args
from uuid import UUID

from sqlalchemy import text

from api.catalogue import queries as catalogue
from api.db import WriteSession
from api.discovery import backing, queries
from api.discovery.queries import Work
from api.discovery.rules import Merits, Sort, terms
from api.voting import electorate, rules
from api.voting import queries as voting
from api.voting.rules import Ballot, MicroVotes
from ledger.money import MicroUsdc

KEPT = timedelta(hours=1)
"""So long an edition can be read after the next one came."""
_AT_ONCE = 2000
_SORTS: Sequence[Sort] = get_args(Sort)


async def refresh(session: WriteSession, chain_id: int) -> int:
    """Ranks again up to 2,000 works of which something has changed. How many now stand otherwise than before."""
    if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(hashtextextended('app.work_rank', 0))")):
        return 0
    due = await backing.fold(session, chain_id) | await _due(session)
    works = {work.script_id: work for work in await queries.works(session, list(due))}
    merits = await _merits(session, chain_id, list(works.values()))
    known = await queries.known(session, list(due))
    changed = [
        work
        for key, work in works.items()
        if key not in known or known[key] != queries.Known(work.series_id, merits[key])
    ]
    gone = [key for key in known if key not in works]
    if changed or gone:
        await _publish(session, changed, gone, merits)
    await _forget(session)
    return len(changed) + len(gone)


async def _due(session: WriteSession) -> set[UUID]:
    return set((await session.execute(_TAKE, {"limit": _AT_ONCE})).scalars())


async def _merits(session: WriteSession, chain_id: int, works: Sequence[Work]) -> dict[UUID, Merits]:
    scripts = [work.script_id for work in works if work.series_id is None]
    series = [work.series_id for work in works if work.series_id is not None]
    said = await _said_of_scripts(session, scripts) | await _said_of_series(session, chain_id, series)
    tipped = await queries.tipped(session, series)
    found = {}
    for work in works:
        up, down = said.get(work.series_id or work.script_id, (MicroVotes(0), MicroVotes(0)))
        given = tipped.get(work.series_id, MicroUsdc(0)) if work.series_id else MicroUsdc(0)
        found[work.script_id] = Merits(up, down, given, work.at)
    return found


async def _said_of_scripts(session: WriteSession, scripts: Sequence[UUID]) -> dict[UUID, tuple[MicroVotes, MicroVotes]]:
    """By the result, or while there is none by the votes so far, one voice for each cluster."""
    if not scripts:
        return {}
    return _weighed(await queries.ballots(session, scripts)) | await queries.counted(session, scripts)


async def _said_of_series(
    session: WriteSession, chain_id: int, series: Sequence[UUID]
) -> dict[UUID, tuple[MicroVotes, MicroVotes]]:
    """One voice for each cluster, by its votes on the series and its episodes together, at its karma of now."""
    said = await catalogue.said_of(session, series) if series else []
    if not said:
        return {}
    now = await voting.clock(session)
    voters = list({each.voter_id for each in said})
    accounts = {each.id: each for each in await voting.accounts(session, chain_id, now=now, only=voters)}
    cluster_of = electorate.clusters(accounts.values(), labels=SystemRandom())
    return _weighed(
        [
            Ballot(
                script_id=each.series_id,
                voter_id=each.voter_id,
                cluster=cluster_of[each.voter_id],
                weight=rules.weight_of(accounts[each.voter_id].karma),
                side=1 if each.side > 0 else -1,
                cast_at=now,
            )
            for each in said
            if each.voter_id in accounts and accounts[each.voter_id].eligible
        ]
    )


def _weighed(ballots: Sequence[Ballot]) -> dict[UUID, tuple[MicroVotes, MicroVotes]]:
    tallies = rules.tallies(rules.voices(ballots))
    return {key: (tally.up, tally.down) for key, tally in tallies.items()}


async def _publish(
    session: WriteSession, changed: Sequence[Work], gone: Sequence[UUID], merits: Mapping[UUID, Merits]
) -> None:
    edition = await session.scalar(text("INSERT INTO app.edition DEFAULT VALUES RETURNING number"))
    ids = [work.script_id for work in changed]
    await session.execute(_CLOSE, {"edition": edition, "ids": [*ids, *gone]})
    of = [merits[each] for each in ids]
    points: dict[str, list[int]] = {sort: [terms(each, sort).total for each in of] for sort in _SORTS}
    await session.execute(
        _INSERT,
        {
            "edition": edition,
            "ids": ids,
            "series": [work.series_id for work in changed],
            "genres": [work.genre for work in changed],
            "at": [each.at for each in of],
            "up": [each.up for each in of],
            "down": [each.down for each in of],
            "tipped": [each.tipped for each in of],
            **points,
        },
    )


async def _forget(session: WriteSession) -> None:
    """Of the newest edition nothing is ever forgotten."""
    oldest = await session.scalar(_OLDEST_KEPT, {"kept": KEPT})
    if oldest is not None:
        await session.execute(text("DELETE FROM app.work_rank WHERE to_edition <= :oldest"), {"oldest": oldest})
        await session.execute(text("DELETE FROM app.edition WHERE number < :oldest"), {"oldest": oldest})


_TAKE = text(
    """DELETE FROM app.rank_due WHERE id IN (SELECT id FROM app.rank_due ORDER BY id LIMIT :limit)
       RETURNING script_id"""
)
_CLOSE = text(
    """UPDATE app.work_rank SET to_edition = :edition
        WHERE script_id = ANY(:ids) AND to_edition = 9223372036854775807"""
)
_INSERT = text(
    """INSERT INTO app.work_rank (script_id, series_id, genre, at, up_micro, down_micro, tipped_micro_usdc,
                                  hot, new, top, rising, from_edition)
       SELECT *, :edition FROM unnest(
           CAST(:ids AS uuid[]), CAST(:series AS uuid[]), CAST(:genres AS text[]), CAST(:at AS timestamptz[]),
           CAST(:up AS bigint[]), CAST(:down AS bigint[]), CAST(:tipped AS bigint[]),
           CAST(:hot AS bigint[]), CAST(:new AS bigint[]), CAST(:top AS bigint[]), CAST(:rising AS bigint[]))"""
)
_OLDEST_KEPT = text(
    """SELECT number FROM app.edition
        WHERE made_at < now() - CAST(:kept AS interval) ORDER BY number DESC LIMIT 1"""
)
