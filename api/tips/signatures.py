"""Whether USDC would accept a signature: the same question that FiatTokenV2_2's SignatureChecker asks.

An address with code (a smart wallet, EIP-7702 too) is asked by ERC-1271 only; any other one must have signed by ECDSA,
65 bytes, with the lower of the two possible `s` (EIP-2).
"""

from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature

from api import calldata
from api.node import CallReverted, Node

_MAGIC = bytes.fromhex("1626ba7e")  # ERC-1271: isValidSignature(bytes32,bytes)
_LENGTH = 65
_V = {27: 0, 28: 1}


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
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if s > SECPK1_N // 2:
        return None
    try:
        public_key = Signature(vrs=(_V[signature[64]], r, s)).recover_public_key_from_msg_hash(digest)
    except BadSignature:
        return None
    return public_key.to_canonical_address()
