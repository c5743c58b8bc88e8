"""What the clock does for privacy, and for keys."""

from api import jobs
from api.db import WriteSession
from api.privacy import deletion, expiry
from api.resources import Resources


@jobs.job("privacy.purge_due", every_seconds=3600)
async def purge_due(session: WriteSession, _held: Resources) -> None:
    await deletion.purge_due(session)


@jobs.job("privacy.give_notice", every_seconds=3600)
async def give_notice(session: WriteSession, _held: Resources) -> None:
    await expiry.give_notice(session)


JOBS = (purge_due, give_notice)
