"""What the clock does for wallets."""

from api import jobs
from api.db import WriteSession
from api.resources import Resources
from api.wallets import service


@jobs.job("wallets.register_deployed", every_seconds=5)
async def register_deployed(session: WriteSession, held: Resources) -> None:
    await service.register_deployed(session, held)


@jobs.job("wallets.confirm_rotations", every_seconds=30)
async def confirm_rotations(session: WriteSession, held: Resources) -> None:
    await service.confirm_ripe_rotations(session, held)


JOBS = (register_deployed, confirm_rotations)
