"""What the clock does for payouts."""

from api import jobs
from api.db import WriteSession
from api.payouts import service
from api.resources import Resources


@jobs.job("payouts.claim_for_registered", every_seconds=5)
async def claim_for_registered(session: WriteSession, held: Resources) -> None:
    await service.claim_for_registered(session, held.deployment)


@jobs.job("payouts.sweep_expired", every_seconds=10)
async def sweep_expired(session: WriteSession, held: Resources) -> None:
    await service.sweep_expired(session, held.deployment)


@jobs.job("payouts.notify_of_holds", every_seconds=60)
async def notify_of_holds(session: WriteSession, held: Resources) -> None:
    await service.notify_of_holds(session, held.deployment)


JOBS = (claim_for_registered, sweep_expired, notify_of_holds)
