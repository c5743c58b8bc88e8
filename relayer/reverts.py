"""Why a call reverts: the custom errors of the splitter and of USDC, reason strings, panics."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import abi_to_signature, function_signature_to_4byte_selector

from ledger import deployment

_REASON_STRING = bytes.fromhex("08c379a0")  # Error(string)
_PANIC = bytes.fromhex("4e487b71")  # Panic(uint256)


@dataclass(frozen=True, slots=True)
class Revert:
    """`code` is the custom error's name, or Error, Panic, OutOfGas, Unexplained."""

    code: str
    detail: dict[str, str] = field(default_factory=dict)
    """Arguments by name: integers as decimal strings, bytes and addresses as hex; `reason` for Error."""


def decoded(data: bytes) -> Revert:
    """What `data`, returned by a revert, says."""
    selector, arguments = data[:4], data[4:]
    try:
        if selector == _REASON_STRING:
            # Not strict, because USDC (solc 0.6) leaves dirt behind the string's last character.
            return Revert("Error", {"reason": decode(["string"], arguments, strict=False)[0]})
        if selector == _PANIC:
            return Revert("Panic", {"panic_code": hex(decode(["uint256"], arguments)[0])})
        error = _custom_errors().get(selector)
        if error is not None:
            return Revert(error["name"], _named(error["inputs"], arguments))
    except (DecodingError, UnicodeDecodeError):
        pass
    return Revert("Unexplained", {"data": "0x" + data.hex()} if data else {})


def _named(inputs: Sequence[dict[str, Any]], arguments: bytes) -> dict[str, str]:
    values = decode([entry["type"] for entry in inputs], arguments)
    return {entry["name"]: _shown(value) for entry, value in zip(inputs, values, strict=True)}


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


@cache
def _custom_errors() -> dict[bytes, Any]:
    entries = deployment.abi("TipSplitter") + deployment.abi("FiatTokenV2_2")
    errors: list[Any] = [entry for entry in entries if entry["type"] == "error"]
    return {function_signature_to_4byte_selector(abi_to_signature(error)): error for error in errors}
