"""What the clock does for voting."""

from datetime import timedelta

from api import jobs
from api.db import WriteSession
from api.resources import Resources
from api.voting import periods


@jobs.job("voting.close_period", every_seconds=5)
async def close_period(session: WriteSession, _held: Resources) -> None:
    await periods.close_due(session)


@jobs.job("voting.open_period", every_seconds=5)
async def open_period(session: WriteSession, held: Resources) -> None:
    await periods.open_next(session, held.chain_id, length=timedelta(seconds=held.settings.voting_period_seconds))


JOBS = (close_period, open_period)
