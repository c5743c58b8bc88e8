"""`POST /episodes/{id}/tip`: 402 → the client signs → three wallets are paid → 200."""

from functools import partial
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse

from api import edge
from api.callers import MaybeCaller
from api.db import Reading, Writing
from api.errors import ChainUnavailable, MethodNotAllowed, problems
from api.live.feed import Feed
from api.production.errors import EpisodeNotFound
from api.resources import Held, Resources
from api.tips import errors as tip_errors
from api.tips import quotes, schemas
from api.wire import Amount
from api.x402 import page, payment, receipts, service
from api.x402.errors import PaymentMalformed, PaymentRequired
from api.x402.offer import Offer
from api.x402.payment import Payload
from ledger.money import MicroUsdc

router = edge.router(tags=["tips"])


_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_PROBLEMS = (
    PaymentRequired,
    PaymentMalformed,
    EpisodeNotFound,
    tip_errors.TipBelowMinimum,
    tip_errors.LedgerNotReady,
)
_OURS = (
    tip_errors.TipsPaused,
    tip_errors.PaymentIdReused,
    tip_errors.RelayerBusy,
    tip_errors.GaslessLimitReached,
    ChainUnavailable,
)


class TipRequest(BaseModel):
    """How much to tip, if the query does not say it."""

    model_config = ConfigDict(extra="forbid")

    amount_micro_usdc: Amount | None = None


@router.post(
    "/episodes/{episode_id}/tip",
    operation_id="tipEpisode",
    response_model=schemas.Tip,
    responses={
        202: {"model": schemas.Tip, "description": "The outcome is not known yet: ask `Location`. Do not pay again."},
        **problems(*_PROBLEMS, *_OURS),
    },
)
async def tip_episode(
    *,
    session: Writing,
    resources: Held,
    caller: MaybeCaller,
    request: Request,
    episode_id: UUID,
    amount: schemas.AskedAmount = None,
    asked: TipRequest | None = None,
) -> Response:
    """Tips the episode by x402, version 1 or 2, scheme `exact`: with any official client, this is one call.

    Without PAYMENT-SIGNATURE (or X-PAYMENT): 402, and what to sign. With it: the tip, split. The same payment again is
    the same tip, and is never asked for twice.
    """
    if amount is None and asked is not None:
        amount = asked.amount_micro_usdc
    offer, minimum = await _offer(session, resources, episode_id, amount)
    payload = payment.read(request.headers)
    if payload is None:
        return _asked_for(offer, minimum, request)
    if why := payment.differs(payload, offer):
        raise offer.refused(why)
    given = payment.authorization(payload, offer)
    try:
        tip = await service.take(session, resources, caller, given, payment_id=payment.identifier(payload))
    except service.REFUSALS as refusal:
        raise offer.refused(refusal.code.lower()) from refusal
    if tip.status == "pending":
        feed: Feed = request.app.state.feed
        outcome = partial(service.settled, resources, feed, tip, seen=feed.last)
        request.state.then = partial(_answer, outcome, payload, offer, given.payer)
    return receipts.of(tip, payload, offer, payer=given.payer)


@router.get(
    "/episodes/{episode_id}/tip",
    operation_id="tipTerms",
    status_code=402,
    responses=problems(*_PROBLEMS, MethodNotAllowed),
)
async def tip_terms(
    *,
    session: Reading,
    resources: Held,
    request: Request,
    episode_id: UUID,
    amount: schemas.AskedAmount = None,
) -> Response:
    """What a tip would ask for, always 402: a page for browsers, JSON for programs. A tip itself is a POST."""
    if payment.read(request.headers) is not None:
        raise MethodNotAllowed("A GET moves no money.", hint="POST the same payment to the same address.")
    offer, minimum = await _offer(session, resources, episode_id, amount)
    return _asked_for(offer, minimum, request)


def _asked_for(offer: Offer, minimum: MicroUsdc, request: Request) -> Response:
    problem = offer.refused(None)
    if not page.is_wanted(request.headers.get("Accept", "")):
        raise problem
    headers = {**problem.headers, "Vary": "Accept", "Content-Security-Policy": _PAGE_POLICY}
    return HTMLResponse(page.of(offer, minimum), status_code=problem.status, headers=headers)


async def _offer(
    session: AsyncSession, resources: Resources, episode_id: UUID, amount: MicroUsdc | None
) -> tuple[Offer, MicroUsdc]:
    """The offer (of the suggested tip when no amount is named), and the smallest tip."""
    episode = await quotes.demand_episode(session, episode_id)
    amount = await quotes.suggested(session, resources.chain_id) if amount is None else amount
    minimum = await quotes.demand_minimum(session, resources.chain_id, amount)
    url = f"{resources.settings.url}/api/v1/episodes/{episode_id}/tip?amount_micro_usdc={amount}"
    return Offer(resources.deployment, episode, amount, url), minimum


async def _answer(outcome: service.Outcome, payload: Payload, offer: Offer, payer: bytes) -> Response:
    return receipts.of(await outcome(), payload, offer, payer=payer)
