"""Whether an address signed something: ECDSA first, also where there is code (EIP-7702), then ERC-1271, then ERC-6492.

The same order as the contract's for wallets. (USDC decides differently: see `api.tips.signatures`.)
"""

from dataclasses import dataclass

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_keys.constants import SECPK1_N
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak

from api import calldata
from api.node import CallReverted, Node

MAX_LENGTH = 8192

_ERC6492_SUFFIX = bytes.fromhex("6492" * 16)
_ERC1271_MAGIC = bytes.fromhex("1626ba7e").ljust(32, b"\0")
ECDSA_LENGTH = 65


@dataclass(frozen=True)
class Counterfactual:
    """An ERC-6492 signature: a wallet that need not exist yet, what makes it exist, and what it will then accept."""

    factory: bytes
    factory_calldata: bytes
    signature: bytes


async def is_valid(node: Node, *, signer: bytes, digest: bytes, signature: bytes) -> bool:
    """Raises NodeUnavailable when the chain must be asked and does not answer."""
    wrapped = counterfactual(signature)
    if wrapped is not None:
        return await _answers_yes(node, signer, digest, wrapped.signature, after=wrapped)
    if recover(digest, signature) == signer:
        return True
    return bool(await node.code(signer)) and await _answers_yes(node, signer, digest, signature)


def personal_digest(message: str) -> bytes:
    """What `personal_sign` signs (EIP-191, version E)."""
    text = message.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text)


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """The address that signed; None for what OpenZeppelin's ECDSA would refuse (once `normalised`)."""
    signature = normalised(signature)
    if len(signature) != ECDSA_LENGTH or signature[64] not in {27, 28}:
        return None
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if s > SECPK1_N // 2:
        return None
    try:
        key = Signature(vrs=(signature[64] - 27, r, s)).recover_public_key_from_msg_hash(digest)
    except BadSignature:
        return None
    return key.to_canonical_address()


def normalised(signature: bytes) -> bytes:
    """Some wallets write v as 0 or 1 where contracts expect 27 or 28."""
    if len(signature) == ECDSA_LENGTH and signature[64] in {0, 1}:
        return signature[:64] + bytes([signature[64] + 27])
    return signature


def counterfactual(signature: bytes) -> Counterfactual | None:
    """None for a signature that is not wrapped as ERC-6492 says."""
    if not signature.endswith(_ERC6492_SUFFIX):
        return None
    try:
        factory, factory_calldata, inner = decode(["address", "bytes", "bytes"], signature[: -len(_ERC6492_SUFFIX)])
    except DecodingError:
        return None
    return Counterfactual(bytes.fromhex(factory[2:]), factory_calldata, inner)


async def _answers_yes(
    node: Node, wallet: bytes, digest: bytes, signature: bytes, *, after: Counterfactual | None = None
) -> bool:
    question = calldata.call("isValidSignature(bytes32,bytes)", digest, signature)
    try:
        if after is None:
            return (await node.call(wallet, question))[:32] == _ERC1271_MAGIC
        probe = _probe(after.factory, after.factory_calldata, wallet, question)
        return await node.deploy_call(probe) == _ERC1271_MAGIC
    except CallReverted:
        return False


def _probe(factory: bytes, preparation: bytes, wallet: bytes, question: bytes) -> bytes:
    """Constructor code that deploys the wallet (if it can), asks it, and returns its answer, in one `eth_call`.

    Memory: the preparation, the question, then the answer's word, which stays zero when the wallet does not answer.
    """
    total = len(preparation) + len(question)
    answer = (total + 31) // 32 * 32
    deploy = _push(0) + _push(0) + _push(len(preparation)) + _push(0) + _push(0) + b"\x73" + factory + b"\x5a\xf1\x50"
    ask = _push(32) + _push(answer) + _push(len(question)) + _push(len(preparation)) + b"\x73" + wallet + b"\x5a\xfa"
    only_if_it_succeeded = _push(answer) + b"\x51\x02" + _push(answer) + b"\x52"
    give = _push(32) + _push(answer) + b"\xf3"
    body = deploy + ask + only_if_it_succeeded + give
    copy_length = 3 * len(_push(0)) + 1
    copy = _push(total) + _push(copy_length + len(body)) + _push(0) + b"\x39"
    return copy + body + preparation + question


def _push(value: int) -> bytes:
    return b"\x62" + value.to_bytes(3, "big")  # PUSH3
