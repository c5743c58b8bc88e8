"""The five ways to pay a tip: what the payer sends (calldata) or signs (EIP-712 typed data). Pure.

What binds the terms differs by rail: the payer's own transaction (approve, permit), a nonce that is the hash
of the terms (authorization), or the vault's address as the recipient (x402, transfer).
"""

from dataclasses import dataclass
from typing import Any, Literal

from eth_account.messages import SignableMessage, encode_typed_data
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from api import calldata
from api.production.terms import Terms
from ledger.deployment import Deployment, TypedDataDomain
from ledger.money import MicroUsdc

Rail = Literal["approve", "permit", "authorization", "x402", "transfer"]
GaslessRail = Literal["authorization", "x402"]

TypedData = dict[str, Any]
"""As `eth_signTypedData_v4` takes it. Integers of the message are decimal strings, bytes and addresses 0x-hex."""

_DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
_PERMIT = [
    {"name": "owner", "type": "address"},
    {"name": "spender", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "nonce", "type": "uint256"},
    {"name": "deadline", "type": "uint256"},
]
_AUTHORIZATION = [
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "validAfter", "type": "uint256"},
    {"name": "validBefore", "type": "uint256"},
    {"name": "nonce", "type": "bytes32"},
]


@dataclass(frozen=True)
class Authorization:
    """An EIP-3009 authorization as its signer filled it in. Addresses are 20 bytes; times are unix seconds."""

    payer: bytes
    to: bytes
    amount: MicroUsdc
    valid_after: int
    valid_before: int
    nonce: bytes


# ----------------------------------------------------------------------------------------------- sent by the payer


def approve(splitter: bytes, amount: MicroUsdc) -> bytes:
    """To USDC: lets the splitter take exactly this tip."""
    return calldata.call("approve(address,uint256)", splitter, amount)


def tip(terms: Terms, amount: MicroUsdc) -> bytes:
    return calldata.call("tip(bytes32,bytes32,uint256,bytes32)", terms.creator_id, terms.agent_id, amount, terms.ref)


def transfer(vault: bytes, amount: MicroUsdc) -> bytes:
    """To USDC: whatever lies in the vault can only be split."""
    return calldata.call("transfer(address,uint256)", vault, amount)


# ----------------------------------------------------------------------------------------------- signed by the payer


def permit(deployment: Deployment, *, owner: bytes, amount: MicroUsdc, nonce: int, deadline: int) -> TypedData:
    """EIP-2612, for exactly `amount`, to the splitter only."""
    message = {
        "owner": to_checksum_address(owner),
        "spender": deployment.splitter,
        "value": str(amount),
        "nonce": str(nonce),
        "deadline": str(deadline),
    }
    return _typed("Permit", _PERMIT, deployment.usdc_domain, message)


def authorization(deployment: Deployment, rail: GaslessRail, signed: Authorization) -> TypedData:
    """EIP-3009: `ReceiveWithAuthorization` to the splitter, or (x402) `TransferWithAuthorization` to the vault."""
    primary = "ReceiveWithAuthorization" if rail == "authorization" else "TransferWithAuthorization"
    message = {
        "from": to_checksum_address(signed.payer),
        "to": to_checksum_address(signed.to),
        "value": str(signed.amount),
        "validAfter": str(signed.valid_after),
        "validBefore": str(signed.valid_before),
        "nonce": "0x" + signed.nonce.hex(),
    }
    return _typed(primary, _AUTHORIZATION, deployment.usdc_domain, message)


def digest(typed: TypedData) -> bytes:
    """The 32 bytes that are signed (EIP-712)."""
    message: SignableMessage = encode_typed_data(full_message=typed)
    return keccak(b"\x19" + message.version + message.header + message.body)


# ------------------------------------------------------------------------------------------ sent by the relayer


def tip_with_authorization(terms: Terms, signed: Authorization, *, salt: bytes, signature: bytes) -> bytes:
    return calldata.call(
        "tipWithAuthorization(address,bytes32,bytes32,uint256,bytes32,bytes32,uint256,uint256,bytes)",
        signed.payer,
        terms.creator_id,
        terms.agent_id,
        signed.amount,
        terms.ref,
        salt,
        signed.valid_after,
        signed.valid_before,
        signature,
    )


def tip_x402(terms: Terms, signed: Authorization, *, signature: bytes) -> bytes:
    return calldata.call(
        "tipX402(address,bytes32,bytes32,bytes32,uint256,uint256,uint256,bytes32,bytes)",
        signed.payer,
        terms.creator_id,
        terms.agent_id,
        terms.ref,
        signed.amount,
        signed.valid_after,
        signed.valid_before,
        signed.nonce,
        signature,
    )


def flush(terms: Terms) -> bytes:
    return calldata.call("flush(bytes32,bytes32,bytes32)", terms.creator_id, terms.agent_id, terms.ref)


def _typed(primary: str, fields: list[dict[str, str]], domain: TypedDataDomain, message: dict[str, str]) -> TypedData:
    return {
        "types": {"EIP712Domain": _DOMAIN, primary: fields},
        "primaryType": primary,
        "domain": dict(domain),
        "message": message,
    }
