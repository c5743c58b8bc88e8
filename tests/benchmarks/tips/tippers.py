"""Wallets that tip by x402, each one tip after the other."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
from eth_account.signers.local import LocalAccount
from x402 import x402Client
from x402.http.utils import decode_payment_required_header, encode_payment_signature_header
from x402.mechanisms.evm.exact import ExactEvmScheme

from deploy.local import chain
from tests.end_to_end.platform import from_elsewhere

AMOUNT = 250_000
_NETWORK = f"eip155:{chain.CHAIN_ID}"
_LOOK_SECONDS = 0.5
_GIVE_UP_SECONDS = 120.0

Kind = Literal["settled", "busy", "refused", "unknown"]
"""
- settled: 200 (or 202, and then the tip by its id)
- busy: 429 or 503; nothing was taken
- refused: 402 and other answers by which nothing was paid
- unknown: nothing was heard for two minutes
"""


@dataclass(frozen=True)
class Outcome:
    kind: Kind
    seconds: float


@dataclass
class Tipper:
    url: str
    episode: dict[str, Any]
    payer: LocalAccount
    outcomes: list[Outcome] = field(default_factory=list)

    async def tip_until(self, ends: float) -> None:
        """Begins no tip after `ends` (monotonic); waits for the last one."""
        client = x402Client()
        client.register(_NETWORK, ExactEvmScheme(self.payer))
        where = f"{self.url}/api/v1/episodes/{self.episode['id']}/tip"
        async with httpx.AsyncClient(timeout=_GIVE_UP_SECONDS, headers=from_elsewhere()) as http:
            asked = await http.post(where, params={"amount_micro_usdc": str(AMOUNT)})
            required = decode_payment_required_header(asked.headers["PAYMENT-REQUIRED"])
            while time.monotonic() < ends:
                payload = await client.create_payment_payload(required)
                headers = {"PAYMENT-SIGNATURE": encode_payment_signature_header(payload)}
                self.outcomes.append(await self._tip(http, where, headers))

    async def _tip(self, http: httpx.AsyncClient, where: str, headers: dict[str, str]) -> Outcome:
        """Sends the same payment again while it is told to come back later."""
        began = time.monotonic()
        while time.monotonic() - began < _GIVE_UP_SECONDS:
            answer = await http.post(where, params={"amount_micro_usdc": str(AMOUNT)}, headers=headers)
            if answer.status_code == httpx.codes.OK:
                return Outcome("settled", time.monotonic() - began)
            if answer.status_code == httpx.codes.ACCEPTED:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            if answer.status_code in {429, 503}:
                await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
                return Outcome("busy", time.monotonic() - began)
            return Outcome("refused", time.monotonic() - began)
        return Outcome("unknown", time.monotonic() - began)
