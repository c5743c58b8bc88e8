"""Reads of periods, candidates, votes and results."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.karma.rules import HALF_LIFE_DAYS
from api.voting.electorate import Account
from api.voting.rings import Entry
from api.voting.rules import Ballot, Candidate, MicroVotes, Voice


@dataclass(frozen=True)
class Period:
    id: UUID
    number: int
    opens_at: datetime
    closes_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class Standing:
    """Where a script stands in its newest period."""

    period_id: UUID
    script_id: UUID
    nth: int
    up: int
    down: int
    closes_at: datetime
    is_open: bool
    author_cluster: int


@dataclass(frozen=True)
class Result:
    """A script's result, with what it was computed from."""

    script_id: UUID
    title: str
    genre: str
    author_id: UUID
    submitted_at: datetime
    nth: int
    raw_up: int
    raw_down: int
    up_micro: int
    down_micro: int
    voices: int
    score: float
    has_quorum: bool
    place: int
    selected: bool


_PERIOD = "SELECT id, number, opens_at, closes_at, closed_at FROM app.period"


async def clock(session: AsyncSession) -> datetime:
    """The time that periods go by."""
    now: datetime = (await session.execute(text("SELECT app.clock()"))).scalar_one()
    return now


async def unclosed(session: AsyncSession, *, for_update: bool = False) -> Period | None:
    """The period that is open, or over and not counted yet."""
    lock = "FOR UPDATE" if for_update else ""
    row = (await session.execute(text(f"{_PERIOD} WHERE closed_at IS NULL {lock}"))).one_or_none()
    return Period(*row) if row else None


async def period(session: AsyncSession, period_id: UUID) -> Period | None:
    row = (await session.execute(text(f"{_PERIOD} WHERE id = :id"), {"id": period_id})).one_or_none()
    return Period(*row) if row else None


async def newest(session: AsyncSession) -> Period | None:
    row = (await session.execute(text(f"{_PERIOD} ORDER BY number DESC LIMIT 1"))).one_or_none()
    return Period(*row) if row else None


async def periods(session: AsyncSession, *, before: int | None, limit: int) -> list[Period]:
    """Newest first. `before`: the number of the last one seen."""
    query = text(f"{_PERIOD} WHERE number < :before ORDER BY number DESC LIMIT :limit")
    return [Period(*row) for row in await session.execute(query, {"before": before or 2**31 - 1, "limit": limit})]


async def counts(session: AsyncSession, period_id: UUID) -> tuple[int, int]:
    """Candidates and voters of a period."""
    query = text(
        """SELECT (SELECT count(*) FROM app.candidate WHERE period_id = :id),
                  (SELECT count(*) FROM app.voter WHERE period_id = :id)"""
    )
    candidates_, voters = (await session.execute(query, {"id": period_id})).one()
    return candidates_, voters


async def standing(session: AsyncSession, script_id: UUID) -> Standing | None:
    """None: no period has had it."""
    query = text(
        """SELECT period_id, script_id, nth, up, down, closes_at,
                  closed_at IS NULL AND app.clock() < closes_at, author_cluster
             FROM app.candidate JOIN app.period ON period.id = period_id
            WHERE script_id = :id ORDER BY nth DESC LIMIT 1"""
    )
    row = (await session.execute(query, {"id": script_id})).one_or_none()
    return Standing(*row) if row else None


async def cluster_of(session: AsyncSession, period_id: UUID, account_id: UUID) -> int | None:
    """None: it may not vote in this period."""
    query = text("SELECT cluster FROM app.voter WHERE period_id = :period AND account_id = :account")
    cluster: int | None = await session.scalar(query, {"period": period_id, "account": account_id})
    return cluster


async def own_vote(session: AsyncSession, period_id: UUID, script_id: UUID, voter_id: UUID) -> int | None:
    query = text("SELECT side FROM app.vote WHERE period_id = :period AND script_id = :script AND voter_id = :voter")
    side: int | None = await session.scalar(query, {"period": period_id, "script": script_id, "voter": voter_id})
    return side


async def own_votes(session: AsyncSession, period_id: UUID, voter_id: UUID) -> dict[UUID, int]:
    query = text("SELECT script_id, side FROM app.vote WHERE period_id = :period AND voter_id = :voter")
    rows = await session.execute(query, {"period": period_id, "voter": voter_id})
    return {row.script_id: row.side for row in rows}


async def accounts(
    session: AsyncSession,
    chain_id: int,
    *,
    now: datetime,
    authors: Sequence[UUID] = (),
    only: Sequence[UUID] | None = None,
) -> list[Account]:
    """Everybody (or, of these `only`, each) who might vote in a period that opens `now`, and these authors. Eligible:
    active, created before, with a wallet that proved itself (a human: by signing in, too)."""
    values = {
        "chain_id": chain_id,
        "now": now,
        "authors": list(authors),
        "only": None if only is None else list(only),
        "half_life": HALF_LIFE_DAYS,
    }
    rows = await session.execute(_ACCOUNTS, values)
    return [
        Account(row.id, row.owner_id, [bytes(w) for w in row.wallets], float(row.karma), row.eligible) for row in rows
    ]


async def may_vote(session: AsyncSession, chain_id: int, account_id: UUID) -> bool:
    """Now, on what is published: active, and with a wallet that proved itself."""
    found: bool = (await session.execute(_MAY_VOTE, {"chain_id": chain_id, "id": account_id})).scalar_one()
    return found


async def scripts_that_wait(session: AsyncSession) -> Sequence[Any]:
    """Submitted, or not selected and with a turn left: locked. Rows of id, genre, agent_id, submitted_at, nth."""
    return (await session.execute(_WAITING)).all()


async def candidates(session: AsyncSession, period_id: UUID) -> list[Candidate]:
    """Without those that operators have removed meanwhile: they cannot win."""
    query = text(
        """SELECT script_id, candidate.genre, candidate.submitted_at
             FROM app.candidate JOIN app.script ON script.id = script_id AND script.status <> 'removed'
            WHERE period_id = :id ORDER BY script_id"""
    )
    return [Candidate(*row) for row in await session.execute(query, {"id": period_id})]


async def authors(session: AsyncSession, period_id: UUID) -> dict[UUID, UUID]:
    """Who wrote each candidate."""
    query = text("SELECT script_id, author_id FROM app.candidate WHERE period_id = :id")
    return {row.script_id: row.author_id for row in await session.execute(query, {"id": period_id})}


async def ballots(session: AsyncSession, period_id: UUID) -> list[Ballot]:
    query = text(
        """SELECT script_id, voter_id, cluster, weight_micro, side, cast_at
             FROM app.vote JOIN app.voter ON voter.period_id = vote.period_id AND voter.account_id = voter_id
            WHERE vote.period_id = :id"""
    )
    return [
        Ballot(script, voter, cluster, MicroVotes(weight), side, cast_at)
        for script, voter, cluster, weight, side, cast_at in await session.execute(query, {"id": period_id})
    ]


async def entries(session: AsyncSession, period_id: UUID, *, periods_before: int) -> list[Entry]:
    """The candidates of this period, and what their authors had in those before it."""
    values = {"id": period_id, "before": periods_before}
    return [Entry(*row) for row in await session.execute(_ENTRIES, values)]


async def earlier_ballots(session: AsyncSession, period_id: UUID, scripts: Sequence[UUID]) -> list[Ballot]:
    """What accounts that may vote now said of these scripts in earlier periods, under their clusters of now."""
    query = text(
        """SELECT script_id, voter_id, voter.cluster, voter.weight_micro, side, cast_at
             FROM app.vote JOIN app.voter ON voter.period_id = :id AND voter.account_id = voter_id
            WHERE vote.period_id <> :id AND script_id = ANY(:scripts)"""
    )
    rows = await session.execute(query, {"id": period_id, "scripts": list(scripts)})
    return [
        Ballot(script, voter, cluster, MicroVotes(weight), side, at)
        for script, voter, cluster, weight, side, at in rows
    ]


async def results(session: AsyncSession, period_id: UUID) -> list[Result]:
    """By genre and place."""
    return [Result(*row) for row in await session.execute(_RESULTS, {"id": period_id})]


async def voices(session: AsyncSession, period_id: UUID, *, after: tuple[UUID, int] | None, limit: int) -> list[Voice]:
    """As they were counted, by script and cluster."""
    query = text(
        """SELECT script_id, cluster, side, weight_micro, voters, ring FROM app.voice
            WHERE period_id = :id AND (CAST(:script AS uuid) IS NULL OR (script_id, cluster) > (:script, :cluster))
            ORDER BY script_id, cluster LIMIT :limit"""
    )
    script, cluster = after or (None, None)
    rows = await session.execute(query, {"id": period_id, "script": script, "cluster": cluster, "limit": limit})
    return [Voice(*row) for row in rows]


async def shuffled(
    session: AsyncSession, period_id: UUID, *, seed: str, genre: str | None, after: str | None, limit: int
) -> list[tuple[str, UUID]]:
    """The candidates in an order of `seed`'s own: (place, script id), places being hashes."""
    query = text(
        """SELECT place, script_id FROM (
               SELECT encode(sha256(convert_to(:seed || script_id::text, 'UTF8')), 'hex') AS place, script_id, genre
                 FROM app.candidate WHERE period_id = :id) ballot
            WHERE EXISTS (SELECT FROM app.script WHERE id = script_id AND status <> 'removed')
              AND (CAST(:genre AS text) IS NULL OR genre = :genre)
              AND (CAST(:after AS text) IS NULL OR place > :after)
            ORDER BY place LIMIT :limit"""
    )
    values = {"id": period_id, "seed": seed, "genre": genre, "after": after, "limit": limit}
    return [(place, script) for place, script in await session.execute(query, values)]


_ACCOUNTS = text(
    """WITH paid AS (
        SELECT DISTINCT ON (account_id) account_id, kind = 'set' AS active FROM ledger.wallet_event
         WHERE chain_id = :chain_id AND kind IN ('set', 'revoked')
         ORDER BY account_id, block_number DESC, log_index DESC),
    ever AS (
        SELECT account_id, array_agg(DISTINCT wallet) AS wallets FROM ledger.wallet_event
         WHERE chain_id = :chain_id AND kind = 'set' GROUP BY account_id),
    signing AS (SELECT account_id, array_agg(address) AS wallets FROM app.sign_in_wallet GROUP BY account_id),
    weighed AS (
        SELECT account_id,
               sum(points * power(0.5, extract(epoch FROM CAST(:now AS timestamptz) - at) / 86400 / :half_life))
                   AS karma
          FROM app.karma_event GROUP BY account_id),
    known AS (
        SELECT account.*, agent.creator_id,
               decode(lpad(replace(account.id::text, '-', ''), 64, '0'), 'hex') AS on_chain,
               decode(lpad(replace(coalesce(agent.creator_id, account.id)::text, '-', ''), 64, '0'), 'hex')
                   AS creator_on_chain
          FROM app.account LEFT JOIN app.agent ON agent.account_id = account.id
         WHERE account.kind IN ('human', 'agent')
           AND (CAST(:only AS uuid[]) IS NULL OR account.id = ANY(:only) OR account.id = ANY(:authors)))
    SELECT known.id, coalesce(known.owner_id, known.creator_id, known.id) AS owner_id,
           coalesce(own.wallets, '{}') || coalesce(creators.wallets, '{}') || coalesce(signing.wallets, '{}')
               AS wallets,
           coalesce(weighed.karma, 0) AS karma,
           known.deleted_at IS NULL AND known.created_at < :now
               AND (coalesce(paid.active, false) OR signing.wallets IS NOT NULL) AS eligible
      FROM known
      LEFT JOIN paid ON paid.account_id = known.on_chain
      LEFT JOIN ever own ON own.account_id = known.on_chain
      LEFT JOIN ever creators ON creators.account_id = known.creator_on_chain
      LEFT JOIN signing ON signing.account_id = known.id
      LEFT JOIN weighed ON weighed.account_id = known.id
     WHERE known.id = ANY(:authors)
        OR (known.deleted_at IS NULL AND (coalesce(paid.active, false) OR signing.wallets IS NOT NULL))"""
)
_MAY_VOTE = text(
    """SELECT EXISTS (SELECT FROM app.account WHERE id = :id AND deleted_at IS NULL)
          AND (EXISTS (SELECT FROM app.sign_in_wallet WHERE account_id = :id)
               OR coalesce((SELECT kind = 'set' FROM ledger.wallet_event
                             WHERE chain_id = :chain_id AND kind IN ('set', 'revoked')
                               AND account_id = decode(lpad(replace(CAST(:id AS uuid)::text, '-', ''), 64, '0'), 'hex')
                             ORDER BY block_number DESC, log_index DESC LIMIT 1), false))"""
)
_WAITING = text(
    """SELECT script.id, script.genre, script.agent_id, script.submitted_at,
           1 + (SELECT count(*) FROM app.candidate WHERE script_id = script.id) AS nth
      FROM app.script
     WHERE script.status IN ('submitted', 'not_selected')
       AND EXISTS (SELECT FROM app.account WHERE account.id = script.agent_id AND deleted_at IS NULL)
     ORDER BY script.id FOR UPDATE OF script"""
)
_ENTRIES = text(
    """SELECT DISTINCT ON (candidate.script_id) candidate.script_id, candidate.genre, candidate.author_id,
           candidate.period_id = :id AS is_now
      FROM app.candidate JOIN app.period ON period.id = candidate.period_id,
           (SELECT number FROM app.period WHERE id = :id) now
     WHERE period.number BETWEEN now.number - :before AND now.number
       AND (candidate.period_id = :id
            OR author_id IN (SELECT author_id FROM app.candidate own WHERE own.period_id = :id))
     ORDER BY candidate.script_id, period.number DESC"""
)
_RESULTS = text(
    """SELECT result.script_id, script.title, result.genre, candidate.author_id, candidate.submitted_at, candidate.nth,
           candidate.up, candidate.down, up_micro, down_micro, voices, score, has_quorum, place, selected
      FROM app.result JOIN app.candidate USING (period_id, script_id) JOIN app.script ON script.id = result.script_id
     WHERE period_id = :id ORDER BY result.genre, place"""
)
