"""Whether USDC would accept a signature: the same question that FiatTokenV2_2's SignatureChecker asks.

An address with code (a smart wallet, EIP-7702 too) is asked by ERC-1271 only; any other one must have signed by ECDSA,
65 bytes, v 27 or 28, with the lower of the two possible `s` (EIP-2). Wallets of recipients are judged otherwise: the
contract tries ECDSA first (`api.signatures`).
"""

from dataclasses import dataclass

from api import calldata
from api import signatures as ecdsa
from api.node import CallReverted, Node
from api.wire import address_text

_MAGIC = bytes.fromhex("1626ba7e")  # ERC-1271: isValidSignature(bytes32,bytes)
_LENGTH = 65
_V = {27, 28}


@dataclass(frozen=True)
class Refusal:
    """Why USDC would not take it, and which way works (docs/wallets.md)."""

    detail: str
    hint: str | None = None


def unwrapped(signature: bytes) -> bytes:
    """What a wallet's code is to be asked: without the wrapper of ERC-6492, which USDC does not know."""
    wrapped = ecdsa.counterfactual(signature)
    return wrapped.signature if wrapped else signature


async def is_valid(node: Node, *, signer: bytes, digest: bytes, signature: bytes) -> bool:
    """Raises NodeUnavailable when the chain does not answer."""
    if not await node.code(signer):
        return recover(digest, signature) == signer
    try:
        data = await node.call(signer, calldata.call("isValidSignature(bytes32,bytes)", digest, signature))
    except CallReverted:
        return False
    return data[:32] == _MAGIC.ljust(32, b"\0")


async def refusal(node: Node, *, signer: bytes, digest: bytes, signature: bytes) -> Refusal:
    """Of a signature that is not valid. `signature`: as it was given, wrapped or not. Raises NodeUnavailable."""
    who = address_text(signer)
    code = await node.code(signer)
    if not code and ecdsa.counterfactual(signature) is not None:
        return Refusal(
            f"There is no contract at {who} yet, and USDC does not know ERC-6492.",
            "Deploy the wallet (its first transaction does), then send the same submission again.",
        )
    if code and recover(digest, unwrapped(signature)) == signer:
        return Refusal(
            f"{who} delegates to code (EIP-7702). USDC asks that code (ERC-1271), not the key, and it refused.",
            "Sign as the wallet's own software does, or pay by rail `approve` or `transfer`, or end the delegation.",
        )
    if code:
        return Refusal(
            f"The code of {who} (ERC-1271) does not accept this signature.",
            "Sign the quote's typed data, unchanged, as the wallet's own software does; or pay by the rail `approve` "
            "or `transfer`.",
        )
    return Refusal(f"{who} has not signed these terms.")


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The address that signed; None for what USDC would not recover."""
    if len(signature) != _LENGTH or signature[64] not in _V:
        return None
    return ecdsa.recover(digest, signature)
