"""What a client pays with: the header, read by the official package, as the authorization that it carries. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from x402.http.constants import PAYMENT_SIGNATURE_HEADER, X_PAYMENT_HEADER
from x402.http.utils import decode_payment_signature_header
from x402.schemas import PaymentPayload
from x402.schemas.v1 import PaymentPayloadV1

from api.tips.schemas import SignedAuthorization
from api.x402.errors import PaymentMalformed
from api.x402.offer import IDENTIFIER_PATTERN, PAYMENT_IDENTIFIER, SCHEME, Offer, network_v1

_IDENTIFIER = re.compile(IDENTIFIER_PATTERN)
Payload = PaymentPayload | PaymentPayloadV1


def read(headers: Mapping[str, str]) -> Payload | None:
    """None when nothing is paid. Raises PaymentMalformed."""
    header = headers.get(PAYMENT_SIGNATURE_HEADER) or headers.get(X_PAYMENT_HEADER)
    if not header:
        return None
    try:
        return decode_payment_signature_header(header)
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise PaymentMalformed("It is not base64 of a payment payload of x402 version 1 or 2.") from error


def differs(payload: Payload, offer: Offer) -> str | None:
    """In what the payment is not what was asked for, in the protocol's words; None when it is."""
    asked = offer.requirements()
    if payload.get_scheme() != SCHEME:
        return "unsupported_scheme"
    wanted = asked.network if isinstance(payload, PaymentPayload) else network_v1(offer.deployment)
    if payload.get_network() != wanted:
        return "network_mismatch"
    signed = _authorization(payload)
    if _text(signed, "to").lower() != asked.pay_to.lower():
        return "recipient_mismatch"
    if _text(signed, "value") != asked.amount:
        return "authorization_value_mismatch"
    if isinstance(payload, PaymentPayload) and payload.accepted.asset.lower() != asked.asset.lower():
        return "asset_mismatch"
    return None


def authorization(payload: Payload, offer: Offer) -> SignedAuthorization:
    """As it would be submitted without x402. Raises PaymentMalformed."""
    signed = _authorization(payload)
    try:
        return SignedAuthorization.model_validate(
            {
                "rail": "x402",
                "chain_id": offer.deployment.chain_id,
                "from": signed.get("from"),
                "to": signed.get("to"),
                "amount_micro_usdc": signed.get("value"),
                "valid_after": signed.get("validAfter"),
                "valid_before": signed.get("validBefore"),
                "nonce": signed.get("nonce"),
                "signature": payload.payload.get("signature"),
            }
        )
    except ValidationError as error:
        wrong = ", ".join(sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]}))
        raise PaymentMalformed(f"The authorization cannot be read: {wrong}.") from error


def identifier(payload: Payload) -> str | None:
    """The payer's own name for the payment (x402 extension `payment-identifier`). Raises PaymentMalformed."""
    extensions = payload.extensions if isinstance(payload, PaymentPayload) else None
    extension = (extensions or {}).get(PAYMENT_IDENTIFIER)
    info = extension.get("info") if isinstance(extension, dict) else None
    given = info.get("id") if isinstance(info, dict) else None
    if given is None:
        return None
    if not isinstance(given, str) or not _IDENTIFIER.fullmatch(given):
        raise PaymentMalformed("A payment identifier has 16 to 128 letters, digits, hyphens and underscores.")
    return given


def _authorization(payload: Payload) -> Mapping[str, Any]:
    signed = payload.payload.get("authorization")
    if not isinstance(signed, dict):
        raise PaymentMalformed("The payload has no EIP-3009 `authorization`; other transfer methods are not taken.")
    return signed


def _text(signed: Mapping[str, Any], name: str) -> str:
    return str(signed.get(name, ""))
