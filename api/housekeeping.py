"""Jobs of the conventions themselves."""

from api import challenges, idempotency, jobs
from api.accounts.humans import service as humans
from api.db import WriteSession
from api.resources import Resources


@jobs.job("conventions.forget_what_expired", every_seconds=3600)
async def forget_what_expired(session: WriteSession, _held: Resources) -> None:
    await idempotency.purge(session)
    await challenges.purge(session)
    await humans.purge_sessions(session)
