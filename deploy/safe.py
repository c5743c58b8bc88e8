"""What a Safe shall do, as a file that the Transaction Builder of Safe{Wallet} opens."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

_BUILDER_VERSION = "1.17.1"


@dataclass(frozen=True)
class Call:
    """One call without ether. `arguments`: name, type, value."""

    to: str
    method: str
    arguments: Sequence[tuple[str, str, str]]

    def __str__(self) -> str:
        return f"{self.to} {self.method}({', '.join(value for _, _, value in self.arguments)})"


def batch(chain_id: int, safe: str, name: str, calls: Sequence[Call], *, created_at_ms: int) -> dict[str, Any]:
    """A batch file, version 1.0. Its signers are shown names and values, not calldata."""
    file: dict[str, Any] = {
        "version": "1.0",
        "chainId": str(chain_id),
        "createdAt": created_at_ms,
        "meta": {
            "name": name,
            "description": "",
            "txBuilderVersion": _BUILDER_VERSION,
            "createdFromSafeAddress": safe,
            "createdFromOwnerAddress": "",
        },
        "transactions": [_transaction(call) for call in calls],
    }
    file["meta"]["checksum"] = checksum(file)
    return file


def checksum(file: dict[str, Any]) -> str:
    """Of a file without one: the builder warns of a batch that has another. The batch's name does not count."""
    return "0x" + keccak(text=_serialized({**file, "meta": {**file["meta"], "name": None}})).hex()


def _transaction(call: Call) -> dict[str, Any]:
    inputs = [{"internalType": kind, "name": name, "type": kind} for name, kind, _ in call.arguments]
    return {
        "to": call.to,
        "value": "0",
        "data": None,
        "contractMethod": {"inputs": inputs, "name": call.method, "payable": False},
        "contractInputsValues": {name: value for name, _, value in call.arguments},
    }


def _serialized(value: Any) -> str:
    """The builder's own order and punctuation, keys first (tx-builder, src/lib/checksum.ts)."""
    if isinstance(value, list):
        return f"[{','.join(map(_serialized, value))}]"
    if isinstance(value, dict):
        keys = sorted(value)
        return f"{{{_json(keys)}{''.join(_serialized(value[key]) + ',' for key in keys)}}}"
    return _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
