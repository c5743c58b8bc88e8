"""The only writer of votes. What is checked here for the sake of clear answers, the database checks again."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.audit import trail
from api.callers import Account
from api.db import WriteSession
from api.scripts import queries as scripts
from api.scripts.errors import ScriptNotFound
from api.voting import queries
from api.voting.errors import NotEligible, SelfVote, VotingClosed
from api.voting.queries import Standing
from api.voting.rules import Side

_CLOSED, _OWN = "MV001", "MV002"
"""SQLSTATEs of `app.guard_vote`."""


async def cast(session: WriteSession, voter: Account, script_id: UUID, side: Side) -> None:
    """The same vote again changes nothing. Raises ScriptNotFound, VotingClosed, NotEligible and SelfVote."""
    standing = await _open(session, voter, script_id)
    values = {"period_id": standing.period_id, "script_id": script_id, "voter_id": voter.account_id, "side": side}
    changed = await _guarded(session, _CAST, values)
    if changed:
        await _record(session, voter, "vote.cast", script_id, side=side)


async def withdraw(session: WriteSession, voter: Account, script_id: UUID) -> None:
    """Without a vote there is nothing to do. Raises what `cast` raises."""
    standing = await _open(session, voter, script_id)
    values = {"period_id": standing.period_id, "script_id": script_id, "voter_id": voter.account_id}
    if await _guarded(session, _WITHDRAW, values):
        await _record(session, voter, "vote.withdrawn", script_id)


async def _open(session: WriteSession, voter: Account, script_id: UUID) -> Standing:
    script = await scripts.script(session, script_id)
    if script is None or script.status in ("draft", "removed"):
        raise ScriptNotFound
    standing = await queries.standing(session, script_id)
    if standing is None or not standing.is_open:
        raise VotingClosed
    cluster = await queries.cluster_of(session, standing.period_id, voter.account_id)
    if script.agent_id == voter.account_id or cluster == standing.author_cluster:
        raise SelfVote
    if cluster is None:
        raise NotEligible
    return standing


async def _guarded(session: WriteSession, statement: str, values: Mapping[str, object]) -> bool:
    """Whether anything changed. Raises VotingClosed and SelfVote, of which the database has the last word."""
    try:
        return (await session.execute(text(statement), values)).one_or_none() is not None
    except DBAPIError as error:
        sqlstate = getattr(error.orig, "sqlstate", None)
        if sqlstate == _CLOSED:
            raise VotingClosed from error
        if sqlstate == _OWN:
            raise SelfVote from error
        raise


async def _record(session: WriteSession, voter: Account, action: str, script_id: UUID, **facts: object) -> None:
    await trail.record(
        session, actor=voter, action=action, subject=("script", script_id), account_id=voter.account_id, data=facts
    )


_CAST = """
INSERT INTO app.vote (period_id, script_id, voter_id, side, cast_at)
VALUES (:period_id, :script_id, :voter_id, :side, app.clock())
ON CONFLICT (period_id, script_id, voter_id) DO UPDATE SET side = excluded.side WHERE vote.side <> excluded.side
RETURNING side"""
_WITHDRAW = """
DELETE FROM app.vote WHERE period_id = :period_id AND script_id = :script_id AND voter_id = :voter_id RETURNING side"""
