"""`/webhooks`: an account looks after its own."""

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path, Query, Request, Response
from fastapi.responses import JSONResponse

from api import edge
from api.callers import CurrentAccount, require_scope
from api.db import Reading, Writing
from api.errors import InvalidRequest, MissingScope, NotAuthenticated, problems
from api.pages import InvalidCursor, Page, PageOf
from api.resources import Held, Resources
from api.webhooks import outgoing, queries, schemas, service
from api.webhooks.errors import DeliveryNotFound, WebhookLimitReached, WebhookNotFound, WebhookUrlRefused
from api.webhooks.messages import Message
from api.webhooks.queries import Target

router = edge.router(tags=["webhooks"])

_MAY_WRITE = [require_scope("webhooks:write")]
_ACTING = (NotAuthenticated, MissingScope)
EventId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/webhooks", operation_id="listWebhooks", responses=problems(NotAuthenticated))
async def list_webhooks(session: Reading, caller: CurrentAccount) -> Page[schemas.Webhook]:
    """Your webhooks, newest first; there are ten at most."""
    return Page(data=await queries.webhooks(session, caller.account_id), next_cursor=None)


@router.post(
    "/webhooks",
    operation_id="createWebhook",
    status_code=201,
    dependencies=_MAY_WRITE,
    responses=problems(*_ACTING, WebhookUrlRefused, WebhookLimitReached),
)
async def create_webhook(
    session: Writing, held: Held, caller: CurrentAccount, response: Response, new: schemas.NewWebhook
) -> schemas.CreatedWebhook:
    """Posts events to your server from now on: signed (Standard Webhooks), at least once, in order for each subject.

    Any 2xx within 15 s takes a delivery. Anything else is tried again after 5 s, and then ever later, for 31 hours.
    """
    networks = held.settings.webhook_networks
    webhook, secret = await service.create(session, held.pepper, networks, caller, new)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Location"] = f"/api/v1/webhooks/{webhook.id}"
    return schemas.CreatedWebhook(webhook=webhook, secret=secret)


@router.get("/webhooks/{webhook_id}", operation_id="getWebhook", responses=problems(NotAuthenticated, WebhookNotFound))
async def get_webhook(session: Reading, caller: CurrentAccount, webhook_id: UUID) -> schemas.Webhook:
    """Where it goes, and how it fares."""
    return await queries.webhook(session, caller.account_id, webhook_id)


@router.patch(
    "/webhooks/{webhook_id}",
    operation_id="changeWebhook",
    dependencies=_MAY_WRITE,
    responses=problems(*_ACTING, WebhookNotFound, WebhookUrlRefused),
)
async def change_webhook(
    session: Writing, held: Held, caller: CurrentAccount, webhook_id: UUID, patch: schemas.WebhookPatch
) -> schemas.Webhook:
    """Changes it; `{"state": "active"}` enables it again. A disabled webhook collects what happens, for 30 days."""
    return await service.change(session, held.settings.webhook_networks, caller, webhook_id, patch)


@router.delete(
    "/webhooks/{webhook_id}",
    operation_id="deleteWebhook",
    status_code=204,
    dependencies=_MAY_WRITE,
    responses=problems(*_ACTING, WebhookNotFound),
)
async def delete_webhook(session: Writing, caller: CurrentAccount, webhook_id: UUID) -> None:
    """Ends it; what still waits for it is dropped."""
    await service.delete(session, caller, webhook_id)


@router.post(
    "/webhooks/{webhook_id}/rotate-secret",
    operation_id="rotateWebhookSecret",
    dependencies=_MAY_WRITE,
    responses=problems(*_ACTING, WebhookNotFound),
)
async def rotate_secret(
    session: Writing, held: Held, caller: CurrentAccount, webhook_id: UUID, response: Response
) -> schemas.RotatedSecret:
    """A new secret. For 24 hours deliveries are signed with both, so that you can change it without losing one."""
    secret, until = await service.rotate(session, held.pepper, caller, webhook_id)
    response.headers["Cache-Control"] = "no-store"
    return schemas.RotatedSecret(secret=secret, former_secret_signs_until=until)


@router.post(
    "/webhooks/{webhook_id}/test",
    operation_id="testWebhook",
    response_model=schemas.Attempt,
    dependencies=_MAY_WRITE,
    responses=problems(*_ACTING, WebhookNotFound),
)
async def test_webhook(
    session: Writing, held: Held, caller: CurrentAccount, webhook_id: UUID, request: Request
) -> schemas.Attempt:
    """Posts one `webhook.test` now, and says what your server answered (within 15 s)."""
    target = await queries.target(session, caller.account_id, webhook_id)
    request.state.then = partial(_tested, held, webhook_id, target)
    return schemas.Attempt(delivered=False, status=None, error="It was under way when this answer was kept.")


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    operation_id="listWebhookDeliveries",
    responses=problems(NotAuthenticated, WebhookNotFound, InvalidCursor),
)
async def list_deliveries(
    session: Reading,
    caller: CurrentAccount,
    page: PageOf,
    webhook_id: UUID,
    state: Annotated[Literal["waiting", "delivered", "given_up"] | None, Query(description="only these")] = None,
) -> Page[schemas.Delivery]:
    """What it was sent, or will be, newest first."""
    await queries.webhook(session, caller.account_id, webhook_id)
    rows = await queries.deliveries(session, webhook_id, state=state, after=page.after(int), limit=page.fetch)
    return page.of(rows, key=lambda row: row.event_id, show=lambda row: row)


@router.post(
    "/webhooks/{webhook_id}/deliveries/{event_id}/redeliver",
    operation_id="redeliverWebhook",
    status_code=202,
    dependencies=_MAY_WRITE,
    responses=problems(*_ACTING, WebhookNotFound, DeliveryNotFound, InvalidRequest),
)
async def redeliver(session: Writing, caller: CurrentAccount, webhook_id: UUID, event_id: EventId) -> schemas.Webhook:
    """Delivers an event once more, under the same `webhook-id`."""
    await service.redeliver(session, caller, webhook_id, event_id)
    return await queries.webhook(session, caller.account_id, webhook_id)


async def _tested(held: Resources, webhook_id: UUID, target: Target) -> Response:
    message = Message.test(webhook_id)
    async with outgoing.opened(held.settings.webhook_networks) as client:
        answer = await client.post(target.url, message.body, message.headers(held.pepper, webhook_id, target.secrets))
    shown = schemas.Attempt(delivered=answer.error is None, status=answer.status, error=answer.error)
    return JSONResponse(shown.model_dump(mode="json"))
