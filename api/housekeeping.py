"""Jobs of the conventions themselves."""

from api import idempotency, jobs
from api.db import WriteSession
from api.resources import Resources


@jobs.job("conventions.purge_idempotency_keys", every_seconds=3600)
async def purge_idempotency_keys(session: WriteSession, _held: Resources) -> None:
    await idempotency.purge(session)
