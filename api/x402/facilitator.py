"""A facilitator for our own vaults: whoever sells for one of our episodes may verify and settle through us.

The three endpoints of the x402 specification, as its official clients call them. A settlement is a tip: what is paid to
a vault can only be split.
"""

from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import JSONResponse
from x402.schemas import (
    PaymentPayload,
    PaymentRequirements,
    SettleResponse,
    SupportedKind,
    SupportedResponse,
    VerifyResponse,
)
from x402.schemas.v1 import PaymentPayloadV1, PaymentRequirementsV1

from api import edge
from api.callers import MaybeCaller
from api.db import Writing
from api.errors import ChainUnavailable, Problem, problems
from api.live.feed import Feed
from api.resources import Held, Resources
from api.tips import errors as tip_errors
from api.tips import kinds
from api.tips import service as tips
from api.wire import address_text
from api.x402 import payment, receipts, service
from api.x402.errors import PaymentMalformed
from api.x402.offer import SCHEME, Offer, network, network_v1
from api.x402.payment import Payload
from ledger.money import MAX_TIP, MicroUsdc

router = edge.router(tags=["x402"], prefix="/api/v1/x402")

_NOT_OURS = "invalid_payment_requirements"
_PROBLEMS = problems(PaymentMalformed, tip_errors.LedgerNotReady, tip_errors.RelayerBusy, ChainUnavailable)


class FacilitatorRequest(BaseModel):
    """A payment, and what was asked for, in the protocol's own words (version 1 or 2)."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    x402_version: int = 2
    payment_payload: dict[str, Any]
    payment_requirements: dict[str, Any]


@router.get("/supported", operation_id="x402Supported")
async def supported(resources: Held) -> SupportedResponse:
    """What can be paid here: scheme `exact`, USDC, to the vault of an episode."""
    names = ((2, network(resources.deployment)), (1, network_v1(resources.deployment)))
    kinds = [SupportedKind(x402_version=version, scheme=SCHEME, network=name) for version, name in names]
    return SupportedResponse(kinds=kinds)


@router.post("/verify", operation_id="x402Verify", responses=_PROBLEMS)
async def verify(session: Writing, resources: Held, asked: FacilitatorRequest) -> VerifyResponse:
    """Whether a payment would go through, as of now. Changes nothing."""
    payload, offer = await _read(session, resources, asked)
    if offer is None:
        return VerifyResponse(is_valid=False, invalid_reason=_NOT_OURS)
    if why := payment.differs(payload, offer):
        return VerifyResponse(is_valid=False, invalid_reason=why)
    given = payment.authorization(payload, offer)
    payer = address_text(given.payer)
    try:
        await tips.check(session, resources, offer.payable, given)
    except Problem as problem:
        _demand_the_payers(problem)
        return VerifyResponse(
            is_valid=False, invalid_reason=problem.code.lower(), invalid_message=problem.detail, payer=payer
        )
    return VerifyResponse(is_valid=True, payer=payer)


@router.post("/settle", operation_id="x402Settle", response_model=SettleResponse, responses=_PROBLEMS)
async def settle(
    *, session: Writing, resources: Held, caller: MaybeCaller, request: Request, asked: FacilitatorRequest
) -> SettleResponse:
    """Splits the payment, once: the same one again is the same settlement.

    `settlement_pending`: the outcome is not known; settle the same payment again, never another one.
    """
    payload, offer = await _read(session, resources, asked)
    if offer is None:
        return SettleResponse(success=False, error_reason=_NOT_OURS, transaction="", network=payload.get_network())
    if why := payment.differs(payload, offer):
        return SettleResponse(success=False, error_reason=why, transaction="", network=payload.get_network())
    given = payment.authorization(payload, offer)
    try:
        tip = await service.take(
            session, resources, caller, offer.payable, given, payment_id=payment.identifier(payload)
        )
    except Problem as problem:
        _demand_the_payers(problem)
        return SettleResponse(
            success=False,
            error_reason=problem.code.lower(),
            error_message=problem.detail,
            payer=address_text(given.payer),
            transaction="",
            network=payload.get_network(),
        )
    if tip.status == "pending":
        feed: Feed = request.app.state.feed
        outcome = partial(service.settled, resources, feed, tip, seen=feed.last)
        request.state.then = partial(_settled, outcome, payload, offer, given.payer)
    return receipts.settlement(tip, payload, offer, payer=given.payer)


async def _settled(outcome: service.Outcome, payload: Payload, offer: Offer, payer: bytes) -> Response:
    receipt = receipts.settlement(await outcome(), payload, offer, payer=payer)
    return JSONResponse(receipt.model_dump(mode="json", by_alias=True, exclude_none=True))


async def _read(session: AsyncSession, resources: Resources, asked: FacilitatorRequest) -> tuple[Payload, Offer | None]:
    """The payment, and what we would ask for it; None when it is not for a vault of ours. Raises PaymentMalformed."""
    payload: Payload
    required: PaymentRequirements | PaymentRequirementsV1
    try:
        if asked.x402_version == 1:
            payload = PaymentPayloadV1.model_validate(asked.payment_payload)
            required = PaymentRequirementsV1.model_validate(asked.payment_requirements)
        else:
            payload = PaymentPayload.model_validate(asked.payment_payload)
            required = PaymentRequirements.model_validate(asked.payment_requirements)
        vault, amount = bytes.fromhex(required.pay_to.removeprefix("0x")), int(required.get_amount())
    except (ValidationError, ValueError) as error:
        raise PaymentMalformed("Payload or requirements are not those of x402 version 1 or 2.") from error
    payable = await kinds.of_vault(session, resources.chain_id, vault)
    ours = required.asset.lower() == resources.deployment.usdc.lower() and required.scheme == SCHEME
    if payable is None or not ours or not 0 < amount <= MAX_TIP:
        return payload, None
    url = f"{resources.settings.url}{payable.path}"
    return payload, Offer(resources.deployment, payable, MicroUsdc(amount), url)


def _demand_the_payers(problem: Problem) -> None:
    """Raises what is not the payer's fault but ours, and may be tried again."""
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise problem
