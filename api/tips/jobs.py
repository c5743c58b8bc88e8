"""What the clock does for tips."""

from api import jobs
from api.db import WriteSession
from api.resources import Resources
from api.tips import flushes


@jobs.job("tips.flush_vaults", every_seconds=3)
async def flush_vaults(session: WriteSession, held: Resources) -> None:
    await flushes.flush_vaults(session, held.deployment)


JOBS = (flush_vaults,)
