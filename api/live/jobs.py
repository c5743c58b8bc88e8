"""What the clock does for events."""

from sqlalchemy import text

from api import jobs
from api.db import WriteSession
from api.resources import Resources

KEPT_DAYS = 30


@jobs.job("live.forget_old_events", every_seconds=3600)
async def forget_old_events(session: WriteSession, _held: Resources) -> None:
    await session.execute(text(f"DELETE FROM app.event WHERE at < now() - interval '{KEPT_DAYS} days'"))  # noqa: S608 - a constant


JOBS = (forget_old_events,)
