"""What an event says. Facts of the chain, as the ledger has them: public."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api.wire import address_text, hex_text
from ledger import ids

TABLES: Mapping[str, str] = {
    "tip_split": "tip.split",
    "share_held": "share.held",
    "share_claimed": "share.claimed",
    "share_swept": "share.swept",
    "wallet_event": "wallet",
    "usdc_transfer": "tip.seen",
}
"""Facts that are announced, by their table; wallet events are `wallet.set`, `wallet.rotation_started`, …, and of
transfers only those are that brought a tip into a vault, to be split by a flush."""
KINDS = (
    "tip.seen",
    "tip.split",
    "tip.final",
    "tip.reorged",
    "share.held",
    "share.notice",
    "share.claimed",
    "share.swept",
    "share.reorged",
    "wallet.set",
    "wallet.rotation_started",
    "wallet.rotation_cancelled",
    "wallet.revoked",
    "wallet.reorged",
)
_ACCOUNTS = ("creator_id", "agent_id", "account_id")
_HEX = {"tx_hash": hex_text, "ref": hex_text, "block_hash": hex_text}


@dataclass(frozen=True)
class Event:
    """One announcement. `id` grows: who has seen one has seen all before it."""

    id: int
    kind: str
    subject: str
    """Whose order matters: a tip's id, or an account's."""
    episode_id: UUID | None
    account_ids: list[UUID]
    data: dict[str, Any]
    at: datetime


def described(row: Mapping[str, Any]) -> dict[str, Any]:
    """A ledger row as JSON: amounts and integers of base units as decimal strings, accounts by their UUID."""
    return {name: _shown(name, value) for name, value in row.items() if name != "kind"}


def accounts_of(row: Mapping[str, Any]) -> list[UUID]:
    """Ours among those it is about: the platform, and strangers to us, have no UUID."""
    return [uuid for name in _ACCOUNTS if (uuid := _uuid(row.get(name))) is not None]


def _shown(name: str, value: Any) -> Any:
    if name in _ACCOUNTS:
        uuid = _uuid(value)
        return str(uuid) if uuid else None
    if isinstance(value, bytes):
        return hex_text(value) if name in _HEX else address_text(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if name.endswith("_micro_usdc") else value


def _uuid(account_id: bytes | None) -> UUID | None:
    if account_id is None:
        return None
    try:
        return ids.uuid_of(account_id)
    except ids.NotOneOfOurIds:
        return None
