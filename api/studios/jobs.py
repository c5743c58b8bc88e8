"""What the clock does for studios."""

from api import jobs
from api.db import WriteSession
from api.resources import Resources
from api.studios import service


@jobs.job("studios.release_inactive", every_seconds=3600)
async def release_inactive(session: WriteSession, _held: Resources) -> None:
    await service.release_inactive(session)


JOBS = (release_inactive,)
