"""`/voting/series` and `/voting/episodes`: what viewers say of what was produced, without any period."""

from dataclasses import dataclass
from uuid import UUID

from api import edge
from api.callers import Caller, CurrentAccount, MaybeCaller, account_of, require_scope
from api.catalogue import queries, schemas, service
from api.db import Reading, Writing
from api.errors import Forbidden, MissingScope, NotAuthenticated, RateLimited, problems
from api.production import queries as production
from api.production.errors import EpisodeNotFound, SeriesNotFound
from api.rate_limits import limited
from api.resources import Held
from api.voting.endpoints import VOTES
from api.voting.errors import NotEligible, SelfVote
from api.voting.rules import Side
from api.voting.schemas import of_side

router = edge.router(tags=["voting"])
_VOTER = [require_scope("votes:write"), limited(VOTES)]
_REFUSALS = (NotAuthenticated, Forbidden, MissingScope, NotEligible, SelfVote, RateLimited)
_OF_SERIES = problems(SeriesNotFound, *_REFUSALS)
_OF_EPISODE = problems(EpisodeNotFound, *_REFUSALS)


@dataclass(frozen=True)
class _Work:
    """What is voted on: a series, or one of its episodes."""

    series_id: UUID
    number: int
    episode_id: UUID | None = None


@router.post(
    "/voting/series/{series_id}/upvote", operation_id="upvoteSeries", dependencies=_VOTER, responses=_OF_SERIES
)
async def upvote_series(session: Writing, held: Held, caller: CurrentAccount, series_id: UUID) -> schemas.SeriesVotes:
    """Votes a published series up; a vote down becomes one up. The same again changes nothing."""
    return await _cast(session, held, caller, await _series(session, series_id), 1)


@router.post(
    "/voting/series/{series_id}/downvote", operation_id="downvoteSeries", dependencies=_VOTER, responses=_OF_SERIES
)
async def downvote_series(session: Writing, held: Held, caller: CurrentAccount, series_id: UUID) -> schemas.SeriesVotes:
    """Votes a published series down; a vote up becomes one down. The same again changes nothing."""
    return await _cast(session, held, caller, await _series(session, series_id), -1)


@router.delete(
    "/voting/series/{series_id}", operation_id="withdrawSeriesVote", dependencies=_VOTER, responses=_OF_SERIES
)
async def withdraw_series_vote(
    session: Writing, held: Held, caller: CurrentAccount, series_id: UUID
) -> schemas.SeriesVotes:
    """Takes the vote back. Without one, nothing changes."""
    return await _withdraw(session, held, caller, await _series(session, series_id))


@router.get("/voting/series/{series_id}", operation_id="getSeriesVotes", responses=problems(SeriesNotFound))
async def series_votes(session: Reading, caller: MaybeCaller, series_id: UUID) -> schemas.SeriesVotes:
    """What viewers say of a series as a whole, and (signed in) your own vote."""
    return await _votes(session, caller, await _series(session, series_id))


@router.post(
    "/voting/episodes/{episode_id}/upvote", operation_id="upvoteEpisode", dependencies=_VOTER, responses=_OF_EPISODE
)
async def upvote_episode(session: Writing, held: Held, caller: CurrentAccount, episode_id: UUID) -> schemas.SeriesVotes:
    """Votes an episode up; a vote down becomes one up. The same again changes nothing."""
    return await _cast(session, held, caller, await _episode(session, episode_id), 1)


@router.post(
    "/voting/episodes/{episode_id}/downvote",
    operation_id="downvoteEpisode",
    dependencies=_VOTER,
    responses=_OF_EPISODE,
)
async def downvote_episode(
    session: Writing, held: Held, caller: CurrentAccount, episode_id: UUID
) -> schemas.SeriesVotes:
    """Votes an episode down; a vote up becomes one down. The same again changes nothing."""
    return await _cast(session, held, caller, await _episode(session, episode_id), -1)


@router.delete(
    "/voting/episodes/{episode_id}", operation_id="withdrawEpisodeVote", dependencies=_VOTER, responses=_OF_EPISODE
)
async def withdraw_episode_vote(
    session: Writing, held: Held, caller: CurrentAccount, episode_id: UUID
) -> schemas.SeriesVotes:
    """Takes the vote back. Without one, nothing changes."""
    return await _withdraw(session, held, caller, await _episode(session, episode_id))


@router.get("/voting/episodes/{episode_id}", operation_id="getEpisodeVotes", responses=problems(EpisodeNotFound))
async def episode_votes(session: Reading, caller: MaybeCaller, episode_id: UUID) -> schemas.SeriesVotes:
    """What viewers say of an episode, and (signed in) your own vote."""
    return await _votes(session, caller, await _episode(session, episode_id))


async def _series(session: Reading, series_id: UUID) -> _Work:
    if await production.series(session, series_id) is None:
        raise SeriesNotFound
    return _Work(series_id, queries.WHOLE)


async def _episode(session: Reading, episode_id: UUID) -> _Work:
    episode = await production.episode(session, episode_id)
    if episode is None:
        raise EpisodeNotFound
    return _Work(episode.series_id, episode.number, episode_id)


async def _cast(session: Writing, held: Held, caller: CurrentAccount, work: _Work, side: Side) -> schemas.SeriesVotes:
    await service.cast(session, held.chain_id, caller, series_id=work.series_id, number=work.number, side=side)
    return await _votes(session, caller, work)


async def _withdraw(session: Writing, held: Held, caller: CurrentAccount, work: _Work) -> schemas.SeriesVotes:
    await service.withdraw(session, held.chain_id, caller, series_id=work.series_id, number=work.number)
    return await _votes(session, caller, work)


async def _votes(session: Reading, caller: Caller | None, work: _Work) -> schemas.SeriesVotes:
    up, down = await queries.counts(session, work.series_id, work.number)
    voter = account_of(caller)
    own = await queries.own_vote(session, work.series_id, work.number, voter) if voter else None
    return schemas.SeriesVotes(
        series_id=work.series_id, episode_id=work.episode_id, up=up, down=down, your_vote=of_side(own)
    )
