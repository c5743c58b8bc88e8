"""What a payer gets back: the tip, and the protocol's own receipt of it."""

from http import HTTPStatus

from fastapi import Response
from starlette.responses import JSONResponse
from x402 import ERR_SETTLEMENT_PENDING
from x402.http.constants import PAYMENT_RESPONSE_HEADER, X_PAYMENT_RESPONSE_HEADER
from x402.http.utils import encode_payment_response_header
from x402.schemas import SettleResponse
from x402.schemas.v1 import PaymentPayloadV1

from api.tips import schemas
from api.wire import address_text, hex_text
from api.x402.offer import Offer, network, network_v1
from api.x402.payment import Payload

PENDING_RETRY_SECONDS = 2


def of(tip: schemas.Tip, payload: Payload, offer: Offer, *, payer: bytes) -> Response:
    """200 when the chain split it; 202 while nobody knows, never another 402; 402 when it moved nothing and cannot."""
    if tip.refusal is not None:
        raise _refused(tip.refusal, payload, offer, payer)
    receipt = _receipt(tip, payload, offer, payer)
    headers = _headers(receipt, payload)
    body = tip.model_dump(mode="json", by_alias=True)
    if receipt.success:
        return JSONResponse(body, headers=headers)
    headers |= {"Location": f"/api/v1/tips/{tip.id}", "Retry-After": str(PENDING_RETRY_SECONDS)}
    return JSONResponse(body, status_code=HTTPStatus.ACCEPTED, headers=headers)


def _receipt(tip: schemas.Tip, payload: Payload, offer: Offer, payer: bytes) -> SettleResponse:
    settled = tip.settlement is not None
    return SettleResponse(
        success=settled,
        error_reason=None if settled else ERR_SETTLEMENT_PENDING,
        payer=address_text(payer),
        transaction=hex_text(tip.tx_hash) if tip.tx_hash else "",
        network=_network(payload, offer),
        amount=str(offer.amount) if settled else None,
    )


def _refused(refusal: schemas.Refusal, payload: Payload, offer: Offer, payer: bytes) -> Exception:
    """The authorization is spent or void, and nothing was paid: asking again is safe."""
    problem = offer.refused(refusal.code.lower())
    receipt = SettleResponse(
        success=False,
        error_reason=refusal.code.lower(),
        error_message=refusal.detail,
        payer=address_text(payer),
        transaction="",
        network=_network(payload, offer),
    )
    problem.headers |= _headers(receipt, payload)
    return problem


def _headers(receipt: SettleResponse, payload: Payload) -> dict[str, str]:
    name = X_PAYMENT_RESPONSE_HEADER if isinstance(payload, PaymentPayloadV1) else PAYMENT_RESPONSE_HEADER
    return {name: encode_payment_response_header(receipt)}


def _network(payload: Payload, offer: Offer) -> str:
    return (network_v1 if isinstance(payload, PaymentPayloadV1) else network)(offer.deployment)
