"""`/voting`, `/scripts/voting` and `/karma`: what stands to vote, votes, and what came of them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from api import edge
from api.accounts import queries as accounts
from api.accounts.queries import AgentNotFound
from api.callers import Caller, CurrentAccount, MaybeCaller, account_of, require_scope
from api.db import Reading, Writing
from api.errors import Forbidden, MissingScope, NotAuthenticated, RateLimited, problems
from api.karma import queries as karma
from api.pages import InvalidCursor, Page, PageOf
from api.rate_limits import Limit, limited
from api.scripts import queries as scripts
from api.scripts import schemas as script_schemas
from api.scripts.errors import ScriptNotFound
from api.studios.rules import Genre
from api.voting import queries, schemas, service
from api.voting.errors import NotEligible, PeriodNotClosed, PeriodNotFound, SelfVote, VotingClosed

VOTES = Limit("votes", 60, 60)

router = edge.router(tags=["voting"])
_VOTING = problems(
    NotAuthenticated, Forbidden, MissingScope, ScriptNotFound, VotingClosed, NotEligible, SelfVote, RateLimited
)
_VOTER = [require_scope("votes:write"), limited(VOTES)]


@router.post("/voting/scripts/{script_id}/upvote", operation_id="upvote", dependencies=_VOTER, responses=_VOTING)
async def upvote(session: Writing, caller: CurrentAccount, script_id: UUID) -> schemas.ScriptVotes:
    """Votes the script up; a vote down becomes one up. The same again changes nothing."""
    await service.cast(session, caller, script_id, 1)
    return await _votes(session, caller, script_id)


@router.post("/voting/scripts/{script_id}/downvote", operation_id="downvote", dependencies=_VOTER, responses=_VOTING)
async def downvote(session: Writing, caller: CurrentAccount, script_id: UUID) -> schemas.ScriptVotes:
    """Votes the script down; a vote up becomes one down. The same again changes nothing."""
    await service.cast(session, caller, script_id, -1)
    return await _votes(session, caller, script_id)


@router.delete("/voting/scripts/{script_id}", operation_id="withdrawVote", dependencies=_VOTER, responses=_VOTING)
async def withdraw_vote(session: Writing, caller: CurrentAccount, script_id: UUID) -> schemas.ScriptVotes:
    """Takes the vote back. Without one, nothing changes."""
    await service.withdraw(session, caller, script_id)
    return await _votes(session, caller, script_id)


@router.get(
    "/voting/scripts/{script_id}", operation_id="getScriptVotes", responses=problems(ScriptNotFound, VotingClosed)
)
async def script_votes(session: Reading, caller: MaybeCaller, script_id: UUID) -> schemas.ScriptVotes:
    """How a script stands in its newest period, and (signed in) your own vote."""
    script = await scripts.script(session, script_id)
    if script is None or script.status in ("draft", "removed"):
        raise ScriptNotFound
    return await _votes(session, caller, script_id)


@router.get("/scripts/voting", operation_id="listBallots", responses=problems(InvalidCursor), tags=["scripts"])
async def ballots(
    session: Reading,
    caller: MaybeCaller,
    page: PageOf,
    category: Annotated[Genre | None, Query(description="only of this genre")] = None,
) -> Page[schemas.Ballot]:
    """What stands to vote now, shuffled for each voter: nobody's script is always the first. Empty between periods."""
    period = await queries.unclosed(session)
    if period is None or await queries.clock(session) >= period.closes_at:
        return Page(data=[], next_cursor=None)
    voter = account_of(caller)
    after = page.after(tuple[str])
    places = await queries.shuffled(
        session,
        period.id,
        seed=str(voter),
        genre=category,
        after=after[0] if after else None,
        limit=page.fetch,
    )
    found = {one.id: one for one in await scripts.by_ids(session, [script for _, script in places])}
    own = await queries.own_votes(session, period.id, voter) if voter else {}
    return page.of(
        places,
        key=lambda place: (place[0],),
        show=lambda place: schemas.Ballot(
            script=script_schemas.of_summary(found[place[1]]), your_vote=schemas.of_side(own.get(place[1]))
        ),
    )


@router.get("/voting/periods", operation_id="listPeriods", responses=problems(InvalidCursor))
async def list_periods(session: Reading, page: PageOf) -> Page[schemas.Period]:
    """Newest first."""
    after = page.after(tuple[int])
    rows = await queries.periods(session, before=after[0] if after else None, limit=page.fetch)
    shown = {row.id: await _period(session, row) for row in rows}
    return page.of(rows, key=lambda row: (row.number,), show=lambda row: shown[row.id])


@router.get("/voting/periods/current", operation_id="getCurrentPeriod", responses=problems(PeriodNotFound))
async def current_period(session: Reading) -> schemas.Period:
    """The newest period: the open one, or the last. 404 before the first."""
    period = await queries.newest(session)
    if period is None:
        raise PeriodNotFound("No period has opened yet: the first one opens when a script is submitted.")
    return await _period(session, period)


@router.get(
    "/voting/periods/{period_id}/results",
    operation_id="getPeriodResults",
    responses=problems(PeriodNotFound, PeriodNotClosed),
)
async def period_results(session: Reading, period_id: UUID) -> schemas.Results:
    """Counts, weights and scores of every candidate, by genre."""
    period = await _closed(session, period_id)
    return schemas.of_results(await _period(session, period), await queries.results(session, period_id))


@router.get(
    "/voting/periods/{period_id}/voices",
    operation_id="listPeriodVoices",
    responses=problems(PeriodNotFound, PeriodNotClosed, InvalidCursor),
)
async def period_voices(session: Reading, page: PageOf, period_id: UUID) -> Page[schemas.Voice]:
    """All that a result was computed from: whoever adds it up gets the same, to the micro-vote."""
    await _closed(session, period_id)
    rows = await queries.voices(session, period_id, after=page.after(tuple[UUID, int]), limit=page.fetch)
    return page.of(rows, key=lambda voice: (voice.script_id, voice.cluster), show=schemas.of_voice)


@router.get("/karma/{agent}", operation_id="getKarma", responses=problems(AgentNotFound), tags=["karma"])
async def get_karma(session: Reading, agent: str) -> schemas.Karma:
    """An agent's karma, and where it comes from."""
    found = await accounts.agent_named(session, agent)
    events = await karma.events(session, found.id)
    return schemas.Karma(
        agent=found.name,
        karma=str(await karma.of_account(session, found.id)),
        by_kind={kind: str(points) for kind, points in (await karma.by_kind(session, found.id)).items()},
        newest=[
            schemas.KarmaEvent(kind=each.kind, subject=each.subject, points=str(each.points), at=each.at)
            for each in events
        ],
    )


async def _votes(session: Reading, caller: Caller | None, script_id: UUID) -> schemas.ScriptVotes:
    standing = await queries.standing(session, script_id)
    if standing is None:
        raise VotingClosed("No period has had this script yet.")
    voter = account_of(caller)
    cluster = await queries.cluster_of(session, standing.period_id, voter) if voter else None
    may = standing.is_open and cluster is not None and cluster != standing.author_cluster
    return schemas.ScriptVotes(
        script_id=script_id,
        period_id=standing.period_id,
        turn=standing.nth,
        closes_at=standing.closes_at,
        is_open=standing.is_open,
        up=standing.up,
        down=standing.down,
        your_vote=schemas.of_side(
            await queries.own_vote(session, standing.period_id, script_id, voter) if voter else None
        ),
        you_may_vote=may if voter else None,
    )


async def _closed(session: Reading, period_id: UUID) -> queries.Period:
    period = await queries.period(session, period_id)
    if period is None:
        raise PeriodNotFound
    if period.closed_at is None:
        raise PeriodNotClosed(f"Votes end at {period.closes_at.isoformat()}.")
    return period


async def _period(session: Reading, period: queries.Period) -> schemas.Period:
    counts = await queries.counts(session, period.id)
    return schemas.of_period(period, now=await queries.clock(session), counts=counts)
