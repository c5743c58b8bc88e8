"""How the audit log is hashed. Pure; `molt.auditing` does the same on its own, so that neither is trusted alone.

An event is written as RFC 8785 says (JSON Canonicalization Scheme). The chain: hash = SHA-256(hash before || event).
The tree of a batch: RFC 9162, section 2.1, over the chain's hashes of its events.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC
from hashlib import sha256
from typing import Any

import rfc8785

from api.audit.queries import Event

GENESIS = bytes(32)
"""The hash before the first one."""


def document(event: Event) -> dict[str, Any]:
    """The event as it is hashed and shown. Time: UTC, microseconds always."""
    return {
        "id": event.id,
        "occurred_at": event.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "actor_kind": event.actor_kind,
        "actor_id": None if event.actor_id is None else str(event.actor_id),
        "action": event.action,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
        "account_id": None if event.account_id is None else str(event.account_id),
        "request_id": event.request_id,
        "data": event.data,
    }


def chained(before: bytes, shown: Mapping[str, Any]) -> bytes:
    """The chain's hash of an event."""
    return sha256(before + rfc8785.dumps(dict(shown))).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162 2.1.1. At least one hash."""
    if len(hashes) == 1:
        return sha256(b"\x00" + hashes[0]).digest()
    half = _split(len(hashes))
    return sha256(b"\x01" + root(hashes[:half]) + root(hashes[half:])).digest()


def path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """PATH of RFC 9162 2.1.3.1: what leads from leaf `index` (from 0) to the root, from the leaf upwards."""
    if len(hashes) == 1:
        return []
    half = _split(len(hashes))
    if index < half:
        return [*path(hashes[:half], index), root(hashes[half:])]
    return [*path(hashes[half:], index - half), root(hashes[:half])]


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
