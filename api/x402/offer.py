"""What a 402 asks for, in both versions of x402. Pure: the same request always asks for the same.

A stock client signs `payTo` and little else that we choose, so the vault of what is paid for carries the terms:
whatever reaches it can only be split between its creator, its agent and the platform.
"""

from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address
from x402.http.constants import PAYMENT_REQUIRED_HEADER
from x402.http.utils import encode_payment_required_header
from x402.schemas import PaymentRequired, PaymentRequirements, ResourceInfo
from x402.schemas.v1 import PaymentRequirementsV1

from api.tips import rules
from api.tips.kinds import Payable
from api.x402 import errors
from ledger.deployment import Deployment
from ledger.money import MicroUsdc

SCHEME = "exact"
PAYMENT_IDENTIFIER = "payment-identifier"
"""The extension's key, as in `x402.extensions.payment_identifier`, which cannot be imported without all extensions."""
IDENTIFIER_PATTERN = "^[a-zA-Z0-9_-]{16,128}$"
_NAMES_V1 = {8453: "base", 84532: "base-sepolia"}
"""Version 1 calls networks by name; version 2, by CAIP-2."""
_IDENTIFIER_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "required": {"type": "boolean"},
        "id": {"type": "string", "minLength": 16, "maxLength": 128, "pattern": IDENTIFIER_PATTERN},
    },
    "required": ["required"],
}
_TIMEOUT_SECONDS = int(rules.VALIDITY.total_seconds())


@dataclass(frozen=True)
class Offer:
    """`amount` for `payable`, at `url`."""

    deployment: Deployment
    payable: Payable
    amount: MicroUsdc
    url: str

    def requirements(self) -> PaymentRequirements:
        domain = self.deployment.usdc_domain
        return PaymentRequirements(
            scheme=SCHEME,
            network=network(self.deployment),
            asset=self.deployment.usdc,
            amount=str(self.amount),
            pay_to=to_checksum_address(self.payable.vault),
            max_timeout_seconds=_TIMEOUT_SECONDS,
            extra={
                "name": domain["name"],
                "version": domain["version"],
                "assetTransferMethod": "eip3009",
                "paymentFlow": "upfront",
            },
        )

    def refused(self, why: str | None) -> errors.PaymentRequired:
        """The 402. One body for both versions: version 2 reads the header, version 1 the members `accepts`, `error`."""
        resource = ResourceInfo(url=self.url, description=self.payable.kind.description, mime_type="application/json")
        required = PaymentRequired(
            error=why,
            resource=resource,
            accepts=[self.requirements()],
            extensions={PAYMENT_IDENTIFIER: {"info": {"required": False}, "schema": _IDENTIFIER_SCHEMA}},
        )
        return errors.PaymentRequired(
            why or self.payable.kind.description,
            headers={PAYMENT_REQUIRED_HEADER: encode_payment_required_header(required), "Cache-Control": "no-store"},
            x402Version=1,
            error=why or "payment required",
            accepts=[self._version_1()],
        )

    def _version_1(self) -> dict[str, Any]:
        requirements, domain = self.requirements(), self.deployment.usdc_domain
        return PaymentRequirementsV1(
            scheme=SCHEME,
            network=network_v1(self.deployment),
            max_amount_required=requirements.amount,
            resource=self.url,
            description=self.payable.kind.description,
            mime_type="application/json",
            pay_to=requirements.pay_to,
            max_timeout_seconds=_TIMEOUT_SECONDS,
            asset=requirements.asset,
            extra={"name": domain["name"], "version": domain["version"]},
        ).model_dump(by_alias=True, exclude_none=True)


def network(deployment: Deployment) -> str:
    """CAIP-2."""
    return f"eip155:{deployment.chain_id}"


def network_v1(deployment: Deployment) -> str:
    return _NAMES_V1.get(deployment.chain_id, network(deployment))
