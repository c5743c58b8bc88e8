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
    receipt = settlement(tip, payload, offer, payer=payer)
    headers = _headers(receipt, payload)
    if tip.refusal is not None:
        problem = offer.refused(receipt.error_reason)
        problem.headers |= headers
        raise problem
    body = tip.model_dump(mode="json", by_alias=True)
    if receipt.success:
        return JSONResponse(body, headers=headers)
    headers |= {"Location": f"/api/v1/tips/{tip.id}", "Retry-After": str(PENDING_RETRY_SECONDS)}
    return JSONResponse(body, status_code=HTTPStatus.ACCEPTED, headers=headers)


def settlement(tip: schemas.Tip, payload: Payload, offer: Offer, *, payer: bytes) -> SettleResponse:
    """The protocol's receipt. A refused one is spent or void, and nothing was paid: asking again is safe."""
    settled, refusal = tip.settlement is not None, tip.refusal
    why = None if settled else refusal.code.lower() if refusal else ERR_SETTLEMENT_PENDING
    return SettleResponse(
        success=settled,
        error_reason=why,
        error_message=refusal.detail if refusal else None,
        payer=address_text(payer),
        transaction=hex_text(tip.tx_hash) if tip.tx_hash and refusal is None else "",
        network=_network(payload, offer),
        amount=str(offer.amount) if settled else None,
    )


def _headers(receipt: SettleResponse, payload: Payload) -> dict[str, str]:
    name = X_PAYMENT_RESPONSE_HEADER if isinstance(payload, PaymentPayloadV1) else PAYMENT_RESPONSE_HEADER
    return {name: encode_payment_response_header(receipt)}


def _network(payload: Payload, offer: Offer) -> str:
    return (network_v1 if isinstance(payload, PaymentPayloadV1) else network)(offer.deployment)
