"""The HTTP of a payment by x402, whatever is paid for: an endpoint makes the offer, and these answer."""

from functools import partial

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse

from api.callers import Caller
from api.db import WriteSession
from api.errors import ChainUnavailable, MethodNotAllowed
from api.live.feed import Feed
from api.resources import Resources
from api.tips import errors as tip_errors
from api.tips import quotes
from api.tips.kinds import Payable
from api.x402 import page, payment, receipts, service
from api.x402.errors import PaymentMalformed, PaymentRequired
from api.x402.offer import Offer
from api.x402.payment import Payload
from ledger.money import MicroUsdc

ASKING_PROBLEMS = (PaymentRequired, PaymentMalformed, tip_errors.TipBelowMinimum, tip_errors.LedgerNotReady)
"""What a request may meet that asks what to pay."""
PROBLEMS = (
    *ASKING_PROBLEMS,
    tip_errors.TipsPaused,
    tip_errors.PaymentIdReused,
    tip_errors.RelayerBusy,
    tip_errors.GaslessLimitReached,
    ChainUnavailable,
)
"""What a request may meet that pays."""
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


async def offer(session: AsyncSession, held: Resources, payable: Payable, amount: MicroUsdc | None) -> Offer:
    """`amount` None: the suggested one. Raises TipBelowMinimum and LedgerNotReady."""
    amount = await quotes.suggested(session, held.chain_id) if amount is None else amount
    await quotes.demand_minimum(session, held.chain_id, amount)
    url = f"{held.settings.url}{payable.path}?amount_micro_usdc={amount}"
    return Offer(held.deployment, payable, amount, url)


async def paid(
    session: WriteSession, held: Resources, caller: Caller | None, request: Request, asked: Offer
) -> Response:
    """Without a payment: 402, and what to sign. With it: the tip, split; 202 while its outcome is unknown.

    The same payment again is the same tip, and is never asked for twice. Raises one of PROBLEMS."""
    payload = payment.read(request.headers)
    if payload is None:
        return await _asked_for(session, held, asked, request)
    if why := payment.differs(payload, asked):
        raise asked.refused(why)
    given = payment.authorization(payload, asked)
    try:
        tip = await service.take(session, held, caller, asked.payable, given, payment_id=payment.identifier(payload))
    except service.REFUSALS as refusal:
        raise asked.refused(refusal.code.lower()) from refusal
    if tip.status == "pending":
        feed: Feed = request.app.state.feed
        outcome = partial(service.settled, held, feed, tip, seen=feed.last)
        request.state.then = partial(_answer, outcome, payload, asked, given.payer)
    return receipts.of(tip, payload, asked, payer=given.payer)


async def terms(session: AsyncSession, held: Resources, request: Request, asked: Offer) -> Response:
    """Always 402: a page for browsers, JSON for programs. Raises MethodNotAllowed, for a GET that pays."""
    if payment.read(request.headers) is not None:
        raise MethodNotAllowed("A GET moves no money.", hint="POST the same payment to the same address.")
    return await _asked_for(session, held, asked, request)


async def _asked_for(session: AsyncSession, held: Resources, asked: Offer, request: Request) -> Response:
    problem = asked.refused(None)
    if not page.is_wanted(request.headers.get("Accept", "")):
        raise problem
    minimum = await quotes.demand_minimum(session, held.chain_id, asked.amount)
    headers = {**problem.headers, "Vary": "Accept", "Content-Security-Policy": _PAGE_POLICY}
    return HTMLResponse(page.of(asked, minimum), status_code=problem.status, headers=headers)


async def _answer(outcome: service.Outcome, payload: Payload, asked: Offer, payer: bytes) -> Response:
    return receipts.of(await outcome(), payload, asked, payer=payer)
