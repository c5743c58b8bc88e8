"""Who gets which event next, and what became of it.

Each webhook has a line for each subject: the first of a line is tried until it is delivered or given up, then the next.
The row of a line is locked by whoever changes what stands in it, so nothing is left standing in a line that is gone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from api.db import WriteSession
from api.webhooks import rules
from api.webhooks.outgoing import TIMEOUT_SECONDS, Answer
from api.webhooks.queries import SECRETS

EVENTS_AT_ONCE = 500
_LEASE = timedelta(seconds=4 * TIMEOUT_SECONDS)


@dataclass(frozen=True)
class Due:
    """One delivery to try now; it is ours until the lease ends."""

    webhook_id: UUID
    event_id: int
    subject: str
    attempts: int
    """Those before this one."""
    url: str
    secrets: list[bytes]
    """Sealed; each signs."""
    kind: str
    data: dict[str, Any]
    at: datetime


async def line_up(session: WriteSession) -> bool:
    """Puts new events in the lines of those who want them. True: there are more."""
    after = (await session.execute(_LOCK_CURSOR)).scalar_one()
    until = (await session.execute(_UNTIL, {"after": after, "limit": EVENTS_AT_ONCE})).scalar_one()
    if until is None:
        return False
    stretch = {"after": after, "until": until}
    await session.execute(_LINE_UP, stretch)
    await session.execute(_OPEN_LINES, stretch)
    await session.execute(_MOVE_CURSOR, stretch)
    return True


async def lease(session: WriteSession, *, each: int, most: int, busy: list[UUID]) -> list[Due]:
    """What is due, `each` of a webhook at most, except of the `busy`; nobody else gets it meanwhile."""
    values = {"each": each, "most": most, "busy": busy, "lease": _LEASE}
    return [Due(*row) for row in await session.execute(_LEASE_DUE, values)]


async def conclude(session: WriteSession, tried: Due, answer: Answer) -> None:
    """Writes down what became of it: delivered, to be tried again, or given up. What follows it in its line is due."""
    place = {"webhook_id": tried.webhook_id, "event_id": tried.event_id, "subject": tried.subject}
    if (await session.execute(_LOCK_LINE, place)).one_or_none() is None:
        return  # the webhook was deleted meanwhile
    pause = rules.pause(tried.attempts + 1) if answer.error else None
    state = "delivered" if answer.error is None else "given_up" if pause is None else "waiting"
    said = {"state": state, "status": answer.status, "error": answer.error}
    if (await session.execute(_CONCLUDE, {**place, **said})).one_or_none() is None:
        return  # somebody else had concluded it, after our lease had ended
    await session.execute(_ADVANCE, {**place, "pause": pause or timedelta()})
    await session.execute(_CLOSE_LINE, place)
    if answer.error is None:
        await _recovered(session, tried.webhook_id)
    else:
        because = {"gone": answer.is_gone, "too_long": rules.DISABLED_AFTER}
        await session.execute(_FAILING, {"webhook_id": tried.webhook_id, **because})


async def _recovered(session: WriteSession, webhook_id: UUID) -> None:
    """What waits for another attempt need not wait any longer."""
    if (await session.execute(_NOT_FAILING, {"webhook_id": webhook_id})).one_or_none() is not None:
        await session.execute(HURRY, {"webhook_id": webhook_id})


_LOCK_CURSOR = text("SELECT event_id FROM app.webhook_cursor FOR UPDATE")
_UNTIL = text("SELECT max(id) FROM (SELECT id FROM app.event WHERE id > :after ORDER BY id LIMIT :limit) new")
_MOVE_CURSOR = text("UPDATE app.webhook_cursor SET event_id = :until")
_LINE_UP = text(
    """INSERT INTO app.webhook_delivery (webhook_id, event_id, subject)
    SELECT webhook.id, event.id, event.subject
      FROM app.event JOIN app.webhook ON event.id > after_event_id AND (kinds = '{}' OR event.kind = ANY(kinds))
      JOIN app.account owner ON owner.id = webhook.account_id AND owner.deleted_at IS NULL
     WHERE event.id > :after AND event.id <= :until AND (everything OR owner.id = ANY(event.account_ids) OR EXISTS (
       SELECT FROM app.account WHERE account.id = ANY(event.account_ids) AND account.owner_id = owner.id
       UNION ALL
       SELECT FROM app.agent JOIN app.account creator ON creator.id = agent.creator_id
        WHERE agent.account_id = owner.id AND creator.owner_id IS NULL AND creator.kind = 'creator'
          AND creator.id = ANY(event.account_ids)))"""
)
# A line that is being closed at this moment is waited for, and opened anew.
_OPEN_LINES = text(
    """INSERT INTO app.webhook_line AS line (webhook_id, subject)
    SELECT DISTINCT webhook_id, subject FROM app.webhook_delivery
     WHERE event_id > :after AND event_id <= :until ORDER BY webhook_id, subject
    ON CONFLICT (webhook_id, subject) DO UPDATE SET due_at = line.due_at"""
)
_LEASE_DUE = text(
    f"""WITH due AS (
      SELECT line.* FROM app.webhook CROSS JOIN LATERAL (
        SELECT webhook_id, subject FROM app.webhook_line
         WHERE webhook_id = webhook.id AND due_at <= now() AND (leased_until IS NULL OR leased_until <= now())
         ORDER BY due_at LIMIT :each FOR UPDATE SKIP LOCKED) line
       WHERE webhook.state = 'active' AND webhook.id <> ALL(CAST(:busy AS uuid[])) LIMIT :most), leased AS (
      UPDATE app.webhook_line line SET leased_until = now() + :lease FROM due
       WHERE line.webhook_id = due.webhook_id AND line.subject = due.subject
      RETURNING line.webhook_id, line.subject)
    SELECT webhook_id, event_id, leased.subject, attempts, url, {SECRETS}, event.kind, data, at
      FROM leased CROSS JOIN LATERAL (
        SELECT event_id, attempts FROM app.webhook_delivery delivery
         WHERE delivery.webhook_id = leased.webhook_id AND delivery.subject = leased.subject AND state = 'waiting'
         ORDER BY event_id LIMIT 1) first
      JOIN app.webhook ON webhook.id = webhook_id
      JOIN app.event ON event.id = event_id"""  # noqa: S608 - constants only
)
_LOCK_LINE = text("SELECT 1 FROM app.webhook_line WHERE webhook_id = :webhook_id AND subject = :subject FOR UPDATE")
_CONCLUDE = text(
    """UPDATE app.webhook_delivery
      SET state = :state, status = :status, error = :error, attempts = attempts + 1, tried_at = now()
    WHERE webhook_id = :webhook_id AND event_id = :event_id AND state = 'waiting' RETURNING 1"""
)
_ADVANCE = text(
    """UPDATE app.webhook_line SET due_at = now() + :pause, leased_until = NULL
    WHERE webhook_id = :webhook_id AND subject = :subject"""
)
_CLOSE_LINE = text(
    """DELETE FROM app.webhook_line line WHERE webhook_id = :webhook_id AND subject = :subject AND NOT EXISTS (
      SELECT FROM app.webhook_delivery delivery
       WHERE delivery.webhook_id = line.webhook_id AND delivery.subject = line.subject AND state = 'waiting')"""
)
_FAILING = text(
    """UPDATE app.webhook SET failing_since = coalesce(failing_since, now()),
      state = CASE WHEN :gone OR failing_since < now() - :too_long THEN 'disabled' ELSE state END,
      disabled_because = CASE WHEN :gone THEN 'gone' WHEN failing_since < now() - :too_long THEN 'failing'
                         ELSE disabled_because END
    WHERE id = :webhook_id"""
)
_NOT_FAILING = text(
    "UPDATE app.webhook SET failing_since = NULL WHERE id = :webhook_id AND failing_since IS NOT NULL RETURNING id"
)
HURRY = text(
    """UPDATE app.webhook_line SET due_at = now() WHERE webhook_id = :webhook_id AND subject IN (
      SELECT subject FROM app.webhook_line
       WHERE webhook_id = :webhook_id AND due_at > now() AND (leased_until IS NULL OR leased_until <= now())
         FOR UPDATE SKIP LOCKED)"""
)
"""All lines of a webhook that nobody is at are due."""
