"""The rows of schema `ledger` as the indexer makes them: one tuple type for each table, in the order of its columns.

Units and meanings are documented with the columns, in `models`. Writing needs no more of the tables than this:
SQLAlchemy, of which `models` is made, takes a twentieth of a backfill to import.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple

from ledger.money import MicroUsdc

SCHEMA = "ledger"
RAILS = ("approve", "permit", "authorization", "x402", "flush")
"""In the order of the contract's `Rail`."""
HOLD_REASONS = ("no_wallet", "blacklisted")
"""In the order of the contract's `HoldReason`."""
CREATOR_HELD, PLATFORM_HELD, AGENT_HELD = 1, 2, 4
"""The bits of a split's `held_mask`."""

Integer = Annotated[int, "integer"]
SmallInteger = Annotated[int, "smallint"]
"""Columns narrower than the `bigint` that an int is elsewhere."""


class Block(NamedTuple):
    chain_id: int
    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: datetime
    has_events: bool


class TipSplit(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    ref: bytes
    creator_id: bytes
    agent_id: bytes
    payer: bytes | None
    amount_micro_usdc: MicroUsdc
    creator_share_micro_usdc: MicroUsdc
    agent_share_micro_usdc: MicroUsdc
    creator_wallet: bytes | None
    agent_wallet: bytes | None
    held_mask: SmallInteger
    rail: str

    @property
    def platform_share_micro_usdc(self) -> MicroUsdc:
        return MicroUsdc(self.amount_micro_usdc - self.creator_share_micro_usdc - self.agent_share_micro_usdc)


class ShareHeld(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    account_id: bytes
    ref: bytes
    expires_at: datetime
    amount_micro_usdc: MicroUsdc
    reason: str


class ShareClaimed(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    account_id: bytes
    wallet: bytes
    expires_at: datetime
    amount_micro_usdc: MicroUsdc


class ShareSwept(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    account_id: bytes
    treasury: bytes
    expires_at: datetime
    amount_micro_usdc: MicroUsdc


class WalletEvent(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    kind: str
    account_id: bytes
    wallet: bytes
    previous_wallet: bytes | None
    ready_at: datetime | None


class VaultDeployed(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    vault: bytes
    ref: bytes
    creator_id: bytes
    agent_id: bytes


class VaultFlushed(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    vault: bytes
    ref: bytes
    payer: bytes | None
    amount_micro_usdc: MicroUsdc
    nonce: bytes | None


class UsdcTransfer(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    from_address: bytes
    to_address: bytes
    amount_micro_usdc: MicroUsdc
    noticed_block_number: int


class AuthorizationUsed(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    authorizer: bytes
    nonce: bytes
    noticed_block_number: int


class ContractEvent(NamedTuple):
    chain_id: int
    block_number: int
    log_index: Integer
    tx_hash: bytes
    name: str
    args: dict[str, str]


SplitterFact = (
    TipSplit | ShareHeld | ShareClaimed | ShareSwept | WalletEvent | VaultDeployed | VaultFlushed | ContractEvent
)
UsdcFact = UsdcTransfer | AuthorizationUsed
Fact = SplitterFact | UsdcFact

TABLES: dict[type[Fact], str] = {
    TipSplit: "tip_split",
    ShareHeld: "share_held",
    ShareClaimed: "share_claimed",
    ShareSwept: "share_swept",
    WalletEvent: "wallet_event",
    VaultDeployed: "vault_deployed",
    VaultFlushed: "vault_flushed",
    UsdcTransfer: "usdc_transfer",
    AuthorizationUsed: "authorization_used",
    ContractEvent: "contract_event",
}
"""The table of each log, in the order in which they are written and compared."""


def by_table(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """The facts of each table that has any, in the order of the chain."""
    found: dict[str, list[Fact]] = {}
    for fact in sorted(facts, key=_place):
        found.setdefault(TABLES[type(fact)], []).append(fact)
    return found


def _place(fact: Fact) -> tuple[int, int]:
    return fact.block_number, fact.log_index
