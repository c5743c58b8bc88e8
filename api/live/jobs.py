"""What the clock does for events."""

from sqlalchemy import text

from api import jobs
from api.db import WriteSession
from api.resources import Resources

KEPT_DAYS = 30


@jobs.job("live.forget_old_events", every_seconds=3600)
async def forget_old_events(session: WriteSession, _held: Resources) -> None:
    await session.execute(_FORGET, {"days": KEPT_DAYS})


_FORGET = text(
    """DELETE FROM app.event WHERE at < now() - make_interval(days => :days)
      AND NOT EXISTS (SELECT FROM app.announced WHERE event_id = event.id)"""
)

JOBS = (forget_old_events,)
