"""What is sent to a contract, and what it answers, by the signature of the function."""

from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak


def call(signature: str, *arguments: Any) -> bytes:
    """`call("tip(bytes32,bytes32,uint256,bytes32)", …)`: selector and arguments (Solidity ABI)."""
    types = signature[signature.index("(") + 1 : -1]
    return keccak(text=signature)[:4] + encode(_split(types), arguments)


def answer(types: str, data: bytes) -> Any:
    """The one value of that type, or a tuple of several: `answer("address", …)`, `answer("address,uint8", …)`."""
    values = decode(_split(types), data)
    return values[0] if len(values) == 1 else values


def _split(types: str) -> list[str]:
    """Commas inside a tuple do not separate arguments."""
    parts, depth = [""], 0
    for character in types:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part]
