"""How money, addresses and hashes look in JSON: decimal strings of base units, checksummed addresses, 0x-hex."""

from typing import Annotated, Any

from eth_utils.address import to_checksum_address
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from ledger.money import MAX_TIP, MicroUsdc

_AMOUNT_SCHEMA = {"type": "string", "pattern": r"^\d{1,19}$", "examples": ["250000"]}
_UINT256_SCHEMA = {"type": "string", "pattern": r"^\d{1,78}$", "examples": ["1795400000"]}
_MAX_UINT256 = 2**256 - 1


def _hex_schema(length: int, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^0x[0-9a-fA-F]{{{2 * length}}}$", "examples": [example]})


def _integer(value: Any) -> int:
    """A decimal string; a JSON integer is understood too. Never a float."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:80])
    raise ValueError("must be a decimal string of digits")


def _of_length(length: int) -> BeforeValidator:
    def parse(value: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        if not isinstance(value, str) or not value.startswith("0x") or len(value) != 2 + 2 * length:
            raise ValueError(f"must be 0x and {2 * length} hexadecimal digits")
        return bytes.fromhex(value[2:])

    return BeforeValidator(parse)


def _some_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("must be 0x and hexadecimal digits")
    return bytes.fromhex(value[2:])


def _at_most(maximum: int) -> AfterValidator:
    def check(value: int) -> int:
        if not 0 <= value <= maximum:
            raise ValueError(f"must be between 0 and {maximum}")
        return value

    return AfterValidator(check)


def address_text(address: bytes) -> str:
    """EIP-55."""
    return str(to_checksum_address(address))


def hex_text(value: bytes) -> str:
    return "0x" + value.hex()


Amount = Annotated[
    MicroUsdc,
    BeforeValidator(_integer),
    _at_most(MAX_TIP),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(_AMOUNT_SCHEMA),
]
"""Micro-USDC: 1 USDC = "1000000"."""

Uint256 = Annotated[
    int,
    BeforeValidator(_integer),
    _at_most(_MAX_UINT256),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(_UINT256_SCHEMA),
]

Address = Annotated[
    bytes,
    _of_length(20),
    PlainSerializer(address_text, return_type=str),
    _hex_schema(20, "0x036CbD53842c5426634e7929541eC2318f3dCF7e"),
]

Bytes32 = Annotated[
    bytes,
    _of_length(32),
    PlainSerializer(hex_text, return_type=str),
    _hex_schema(32, "0x" + "ab" * 32),
]

Data = Annotated[
    bytes,
    BeforeValidator(_some_bytes),
    Field(max_length=16_384),
    PlainSerializer(hex_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^0x([0-9a-fA-F]{2})*$", "examples": ["0xa9059cbb"]}),
]
"""Calldata and signatures."""


def _no_number(value: Any) -> Any:
    if isinstance(value, str) and "-" not in value[1:]:
        raise ValueError("a moment is written as 2026-01-31T00:00:00Z")  # a number would be taken for Unix seconds
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_no_number)]
"""RFC 3339, with its offset."""
