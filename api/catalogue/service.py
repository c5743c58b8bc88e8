"""The only writer of votes on series and episodes."""

from uuid import UUID

from sqlalchemy import text

from api.audit import trail
from api.callers import Account
from api.catalogue import queries
from api.db import WriteSession
from api.voting import queries as voting
from api.voting.errors import NotEligible, SelfVote
from api.voting.rules import Side


async def cast(
    session: WriteSession, chain_id: int, voter: Account, *, series_id: UUID, number: int, side: Side
) -> None:
    """The same vote again changes nothing. Raises NotEligible and SelfVote."""
    await _allow(session, chain_id, voter, series_id)
    values = {"series": series_id, "number": number, "voter": voter.account_id, "side": side}
    if (await session.execute(_CAST, values)).one_or_none():
        await _record(session, voter, "series_vote.cast", series_id, number=number, side=side)


async def withdraw(session: WriteSession, chain_id: int, voter: Account, *, series_id: UUID, number: int) -> None:
    """Without a vote there is nothing to do. Raises what `cast` raises."""
    await _allow(session, chain_id, voter, series_id)
    values = {"series": series_id, "number": number, "voter": voter.account_id}
    if (await session.execute(_WITHDRAW, values)).one_or_none():
        await _record(session, voter, "series_vote.withdrawn", series_id, number=number)


async def _allow(session: WriteSession, chain_id: int, voter: Account, series_id: UUID) -> None:
    if await queries.is_own(session, series_id, voter.account_id):
        raise SelfVote
    if not await voting.may_vote(session, chain_id, voter.account_id):
        raise NotEligible


async def _record(session: WriteSession, voter: Account, action: str, series_id: UUID, **facts: object) -> None:
    await trail.record(
        session, actor=voter, action=action, subject=("series", series_id), account_id=voter.account_id, data=facts
    )


_CAST = text(
    """INSERT INTO app.series_vote (series_id, number, voter_id, side, cast_at)
       VALUES (:series, :number, :voter, :side, now())
       ON CONFLICT (series_id, number, voter_id) DO UPDATE SET side = excluded.side
        WHERE series_vote.side <> excluded.side RETURNING side"""
)
_WITHDRAW = text(
    "DELETE FROM app.series_vote WHERE series_id = :series AND number = :number AND voter_id = :voter RETURNING side"
)
