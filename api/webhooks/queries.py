"""Reads of webhooks. Every question names whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.webhooks.errors import WebhookNotFound
from api.webhooks.schemas import Delivery, Webhook

_COLUMNS = """id, url, kinds, CASE WHEN everything THEN 'everything' ELSE 'mine' END AS about, description, state,
    disabled_because, failing_since, (SELECT count(*) FROM app.webhook_delivery delivery
      WHERE delivery.webhook_id = webhook.id AND delivery.state = 'waiting') AS waiting, created_at"""
_OF_ACCOUNT = text(
    f"SELECT {_COLUMNS} FROM app.webhook WHERE account_id = :account_id ORDER BY created_at DESC, id DESC"  # noqa: S608
)
_ONE = text(f"SELECT {_COLUMNS} FROM app.webhook WHERE account_id = :account_id AND id = :id")  # noqa: S608
SECRETS = "ARRAY[secret] || CASE WHEN former_until > now() THEN ARRAY[former_secret] END"
"""Those that sign now."""
_TARGET = text(
    f"""SELECT url, {SECRETS}
    FROM app.webhook WHERE account_id = :account_id AND id = :id"""  # noqa: S608 - constants only
)
_DELIVERIES = text(
    """SELECT event_id, kind, delivery.subject, state, attempts, status, error, tried_at, at
    FROM app.webhook_delivery delivery JOIN app.event ON event.id = event_id
    WHERE webhook_id = :webhook_id AND (CAST(:state AS text) IS NULL OR state = :state)
      AND (CAST(:after AS bigint) IS NULL OR event_id < :after)
    ORDER BY event_id DESC LIMIT :limit"""
)


@dataclass(frozen=True)
class Target:
    """Where a webhook goes, and what signs for it (sealed)."""

    url: str
    secrets: list[bytes]
    """The former one, too, while it signs."""


async def webhooks(session: AsyncSession, account_id: UUID) -> list[Webhook]:
    """Newest first."""
    return [_shown(row) for row in (await session.execute(_OF_ACCOUNT, {"account_id": account_id})).mappings()]


async def webhook(session: AsyncSession, account_id: UUID, webhook_id: UUID) -> Webhook:
    """Raises WebhookNotFound."""
    rows = await session.execute(_ONE, {"account_id": account_id, "id": webhook_id})
    row = rows.mappings().one_or_none()
    if row is None:
        raise WebhookNotFound
    return _shown(row)


async def target(session: AsyncSession, account_id: UUID, webhook_id: UUID) -> Target:
    """Raises WebhookNotFound."""
    row = (await session.execute(_TARGET, {"account_id": account_id, "id": webhook_id})).one_or_none()
    if row is None:
        raise WebhookNotFound
    return Target(*row)


async def deliveries(
    session: AsyncSession, webhook_id: UUID, *, state: str | None, after: int | None, limit: int
) -> Sequence[Delivery]:
    """Newest first; `after` is the event_id of the last one seen."""
    values = {"webhook_id": webhook_id, "state": state, "after": after, "limit": limit}
    return [Delivery(**row) for row in (await session.execute(_DELIVERIES, values)).mappings()]


def _shown(row: Any) -> Webhook:
    return Webhook(**row)
