"""Whether USDC would accept a signature: the same question that FiatTokenV2_2's SignatureChecker asks.

An address with code (a smart wallet, EIP-7702 too) is asked by ERC-1271 only; any other one must have signed by ECDSA,
65 bytes, v 27 or 28, with the lower of the two possible `s` (EIP-2). Wallets of recipients are judged otherwise: the
contract tries ECDSA first (`api.signatures`).
"""

from api import calldata
from api import signatures as ecdsa
from api.node import CallReverted, Node

_MAGIC = bytes.fromhex("1626ba7e")  # ERC-1271: isValidSignature(bytes32,bytes)
_LENGTH = 65
_V = {27, 28}


async def is_valid(node: Node, *, signer: bytes, digest: bytes, signature: bytes) -> bool:
    """Raises NodeUnavailable when the chain does not answer."""
    if not await node.code(signer):
        return recover(digest, signature) == signer
    try:
        data = await node.call(signer, calldata.call("isValidSignature(bytes32,bytes)", digest, signature))
    except CallReverted:
        return False
    return data[:32] == _MAGIC.ljust(32, b"\0")


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The address that signed; None for what USDC would not recover."""
    if len(signature) != _LENGTH or signature[64] not in _V:
        return None
    return ecdsa.recover(digest, signature)
