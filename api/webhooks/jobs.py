"""What the clock does for webhooks."""

from sqlalchemy import text

from api import jobs
from api.db import WriteSession
from api.resources import Resources


@jobs.job("webhooks.close_empty_lines", every_seconds=3600)
async def close_empty_lines(session: WriteSession, _held: Resources) -> None:
    """Those whose deliveries were forgotten with their events."""
    await session.execute(_CLOSE)


_CLOSE = text(
    """DELETE FROM app.webhook_line line WHERE NOT EXISTS (
      SELECT FROM app.webhook_delivery delivery
       WHERE delivery.webhook_id = line.webhook_id AND delivery.subject = line.subject AND state = 'waiting')"""
)

JOBS = (close_empty_lines,)
