"""The only writer of webhooks."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import text

from api.audit import trail
from api.callers import Account
from api.db import WriteSession
from api.errors import InvalidRequest
from api.live.events import KINDS
from api.pepper import Pepper
from api.webhooks import lines, messages, queries, rules
from api.webhooks.errors import DeliveryNotFound, WebhookLimitReached, WebhookNotFound, WebhookUrlRefused
from api.webhooks.rules import Network
from api.webhooks.schemas import NewWebhook, Webhook, WebhookPatch


async def create(
    session: WriteSession, pepper: Pepper, networks: Sequence[Network], caller: Account, new: NewWebhook
) -> tuple[Webhook, str]:
    """With its secret; it gets what happens from now on.

    Raises WebhookUrlRefused, WebhookLimitReached and InvalidRequest.
    """
    _demand_kinds(new.kinds)
    _demand_url(new.url, networks)
    await session.execute(text("SELECT FROM app.account WHERE id = :id FOR UPDATE"), {"id": caller.account_id})
    if await session.scalar(_COUNT, {"account_id": caller.account_id}) >= rules.MOST_WEBHOOKS:
        raise WebhookLimitReached
    webhook_id, secret = uuid4(), messages.new_secret()
    values = {
        "id": webhook_id,
        "account_id": caller.account_id,
        "url": new.url,
        "kinds": sorted(set(new.kinds)),
        "everything": new.about == "everything",
        "description": new.description,
        "secret": messages.sealed(pepper, webhook_id, secret),
    }
    await session.execute(_INSERT, values)
    await _record(session, caller, "webhook.created", webhook_id)
    return await queries.webhook(session, caller.account_id, webhook_id), secret


async def change(
    session: WriteSession, networks: Sequence[Network], caller: Account, webhook_id: UUID, patch: WebhookPatch
) -> Webhook:
    """Raises WebhookNotFound, WebhookUrlRefused, InvalidRequest."""
    before = await queries.webhook(session, caller.account_id, webhook_id)
    _demand_kinds(patch.kinds or [])
    if patch.url is not None:
        _demand_url(patch.url, networks)
    state = patch.state or before.state
    values = {
        "id": webhook_id,
        "url": patch.url or before.url,
        "kinds": before.kinds if patch.kinds is None else sorted(set(patch.kinds)),
        "everything": (patch.about or before.about) == "everything",
        "description": before.description if patch.description is None else patch.description,
        "state": state,
        "because": None if state == "active" else before.disabled_because or "by_you",
        "failing_since": before.failing_since if patch.state is None and patch.url is None else None,
    }
    await session.execute(_UPDATE, values)
    if patch.state == "active" or patch.url is not None:
        await session.execute(lines.HURRY, {"webhook_id": webhook_id})
    await _record(session, caller, "webhook.changed", webhook_id)
    return await queries.webhook(session, caller.account_id, webhook_id)


async def delete(session: WriteSession, caller: Account, webhook_id: UUID) -> None:
    """With all that waits for it. Raises WebhookNotFound."""
    values = {"account_id": caller.account_id, "id": webhook_id}
    if (await session.execute(_DELETE, values)).one_or_none() is None:
        raise WebhookNotFound
    await _record(session, caller, "webhook.deleted", webhook_id)


async def rotate(session: WriteSession, pepper: Pepper, caller: Account, webhook_id: UUID) -> tuple[str, datetime]:
    """The new secret, and until when the former one signs, too. Raises WebhookNotFound."""
    secret = messages.new_secret()
    values = {
        "account_id": caller.account_id,
        "id": webhook_id,
        "secret": messages.sealed(pepper, webhook_id, secret),
        "lasts": rules.FORMER_SECRET_LASTS,
    }
    until = await session.scalar(_ROTATE, values)
    if until is None:
        raise WebhookNotFound
    await _record(session, caller, "webhook.secret_rotated", webhook_id)
    return secret, until


async def redeliver(session: WriteSession, caller: Account, webhook_id: UUID, event_id: int) -> None:
    """Once more, ahead of what waits in its line. Raises WebhookNotFound, DeliveryNotFound."""
    await queries.webhook(session, caller.account_id, webhook_id)
    place = {"webhook_id": webhook_id, "event_id": event_id}
    subject = await session.scalar(_AGAIN, place)
    if subject is None:
        raise DeliveryNotFound
    await session.execute(_OPEN_LINE, {"webhook_id": webhook_id, "subject": subject})


def _demand_kinds(kinds: Sequence[str]) -> None:
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise InvalidRequest(f"There is no event {', '.join(unknown)}.", hint=f"There are {', '.join(KINDS)}.")


def _demand_url(url: str, networks: Sequence[Network]) -> None:
    if why := rules.refusal(url, networks):
        raise WebhookUrlRefused(why)


async def _record(session: WriteSession, caller: Account, action: str, webhook_id: UUID) -> None:
    about = ("webhook", webhook_id)
    await trail.record(session, actor=caller, action=action, subject=about, account_id=caller.account_id)


_COUNT = text("SELECT count(*) FROM app.webhook WHERE account_id = :account_id")
_INSERT = text(
    """INSERT INTO app.webhook (id, account_id, url, kinds, everything, description, secret, after_event_id)
    SELECT :id, :account_id, :url, :kinds, :everything, :description, :secret, coalesce(max(id), 0) FROM app.event"""
)
_UPDATE = text(
    """UPDATE app.webhook SET url = :url, kinds = :kinds, everything = :everything, description = :description,
      state = :state, disabled_because = :because, failing_since = :failing_since WHERE id = :id"""
)
_DELETE = text("DELETE FROM app.webhook WHERE account_id = :account_id AND id = :id RETURNING id")
_ROTATE = text(
    """UPDATE app.webhook SET former_secret = secret, former_until = now() + :lasts, secret = :secret
    WHERE account_id = :account_id AND id = :id RETURNING former_until"""
)
_AGAIN = text(
    """UPDATE app.webhook_delivery SET state = 'waiting', attempts = 0
    WHERE webhook_id = :webhook_id AND event_id = :event_id RETURNING subject"""
)
_OPEN_LINE = text(
    """INSERT INTO app.webhook_line (webhook_id, subject) VALUES (:webhook_id, :subject)
    ON CONFLICT (webhook_id, subject) DO UPDATE SET due_at = now()"""
)
