"""What the clock does for the audit log."""

from datetime import timedelta

from api import jobs
from api.audit import sealing
from api.db import WriteSession
from api.resources import Resources


@jobs.job("audit.seal_due", every_seconds=5)
async def seal_due(session: WriteSession, held: Resources) -> None:
    patience = timedelta(seconds=held.settings.audit_seal_seconds)
    await sealing.seal_due(session, held.deployment, patience=patience)


@jobs.job("audit.anchor_refused", every_seconds=60)
async def anchor_refused(session: WriteSession, held: Resources) -> None:
    await sealing.anchor_refused(session, held.deployment)


JOBS = (seal_due, anchor_refused)
