"""The tables of schema `ledger`: facts, one row for each log, named as the contract names them; then what is derived.

Every row of an event has the natural key (chain_id, block_number, log_index). The block's hash and time are in `block`,
its finality follows from `cursor`; neither is repeated in the rows. Only `ledger.record` writes facts, and only
`ledger.rollups` what is derived of the final ones.
Addresses are 20 bytes, hashes and ids 32. Amounts are micro-USDC.

Nearly all that a row costs to write is its indexes (measured: 1.5 µs without any, about 2 µs more for each), so the
large tables have those that a query needs, as narrow as it allows: the chain is left to the filter.
"""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from ledger.facts import HOLD_REASONS, RAILS, SCHEMA

WALLET_EVENTS = ("set", "rotation_started", "rotation_cancelled", "revoked")
CURSOR_STATUSES = ("syncing", "live", "halted")
PROOFS = ("bloom", "receipts")
"""Weak to strong. bloom: header hashes, parents, blooms, each split its transfers; one log beside others may be missing
that belongs to no split. receipts: the receipts root was recomputed; nothing is missing."""
RECONCILED_PARTS = ("totals", "buckets", "vaults", "wallets", "blocks", "rollups")
""" "blocks" is the rebuild of rows; the others ask the contracts, or compare what is derived with what it is of."""

metadata = MetaData(schema=SCHEMA)


def _bytes(name: str, *, doc: str, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable, doc=doc)


def _money(name: str, *, doc: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, doc=doc)


def _time(name: str, *, doc: str, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable, doc=doc)


def _one_of(name: str, values: tuple[str, ...]) -> str:
    return f"{name} IN ({', '.join(repr(value) for value in values)})"


def _widths(**columns: int) -> str:
    """One check for all fixed widths of a table: cheaper per row than one each."""
    return " AND ".join(f"octet_length({name}) = {width}" for name, width in columns.items())


def _event_table(name: str, *parts: Any, widths: dict[str, int]) -> Table:
    return Table(
        name,
        metadata,
        Column("chain_id", BigInteger, nullable=False, doc="EIP-155 chain id"),
        Column("block_number", BigInteger, nullable=False, doc="the block of the log"),
        Column("log_index", Integer, nullable=False, doc="position of the log in its block"),
        _bytes("tx_hash", doc="the transaction of the log"),
        *parts,
        PrimaryKeyConstraint("chain_id", "block_number", "log_index", name=f"{name}_pkey"),
        CheckConstraint(_widths(tx_hash=32, **widths), name=f"{name}_widths"),
    )


cursor = Table(
    "cursor",
    metadata,
    Column("chain_id", BigInteger, nullable=False, autoincrement=False, doc="one row for each chain that is mirrored"),
    _bytes("splitter", doc="the splitter that is mirrored; another one needs a rebuild"),
    _bytes("usdc", doc="the token whose transfers are mirrored"),
    Column("start_number", BigInteger, nullable=False, doc="the first block mirrored: the splitter's deployment"),
    Column("head_number", BigInteger, nullable=False, doc="everything up to here is in the tables, nothing after it"),
    _bytes("head_hash", doc="the hash of that block; a batch is written only on top of it"),
    _time("head_timestamp", doc="the time that block says"),
    Column("safe_number", BigInteger, nullable=False, doc="blocks up to here are `safe`, as the node says"),
    Column("finalized_number", BigInteger, nullable=False, doc="blocks up to here are `finalized`; never goes back"),
    Column("chain_head_number", BigInteger, nullable=False, doc="the newest block that a node told of; head + lag"),
    Column("epoch", BigInteger, nullable=False, doc="grows with each writer that takes over: fences the one before"),
    Column("status", Text, nullable=False, doc="syncing (far behind), live, halted (a person must look)"),
    Column("status_detail", Text, doc="why it is halted and what to do"),
    _time("updated_at", doc="when the writer last said that it is alive, by the database's clock"),
    PrimaryKeyConstraint("chain_id", name="cursor_pkey"),
    CheckConstraint(_one_of("status", CURSOR_STATUSES), name="cursor_status_known"),
    CheckConstraint("finalized_number <= safe_number AND safe_number <= head_number", name="cursor_finality_ordered"),
    CheckConstraint(_widths(splitter=20, usdc=20, head_hash=32), name="cursor_widths"),
)

block = Table(
    "block",
    metadata,
    Column("chain_id", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    _bytes("hash", doc="decides which block this is; the number does not"),
    _bytes("parent_hash", doc="must be the hash of the block before"),
    _time("timestamp", doc="what the block says, UTC"),
    Column("has_events", Boolean, nullable=False, doc="rows of ours stand in it; other blocks go once they are final"),
    PrimaryKeyConstraint("chain_id", "number", name="block_pkey"),
    CheckConstraint(_widths(hash=32, parent_hash=32), name="block_widths"),
)

proven_range = Table(
    "proven_range",
    metadata,
    Column("chain_id", BigInteger, nullable=False),
    Column("first_number", BigInteger, nullable=False, doc="of consecutive blocks proven alike"),
    Column("last_number", BigInteger, nullable=False),
    Column("proof", Text, nullable=False, doc="how far the answers about these blocks were proven"),
    PrimaryKeyConstraint("chain_id", "first_number", name="proven_range_pkey"),
    CheckConstraint(_one_of("proof", PROOFS), name="proven_range_proof_known"),
    CheckConstraint("first_number <= last_number", name="proven_range_not_empty"),
)

tip_split = _event_table(
    "tip_split",
    _bytes("ref", doc="the episode the payer paid for; nothing on-chain ties it to the pair that was paid"),
    _bytes("creator_id", doc="account of the creator"),
    _bytes("agent_id", doc="account of the agent"),
    _bytes("payer", nullable=True, doc="null when the money's origin is not one known payer (a flush)"),
    _money("amount_micro_usdc", doc="what was split"),
    _money("creator_share_micro_usdc", doc="paid or held"),
    Column(
        "platform_share_micro_usdc",
        BigInteger,
        Computed("amount_micro_usdc - creator_share_micro_usdc - agent_share_micro_usdc", persisted=True),
        nullable=False,
        doc="the rest: what the event leaves out because it follows",
    ),
    _money("agent_share_micro_usdc", doc="paid or held"),
    _bytes("creator_wallet", nullable=True, doc="null when the creator had no wallet"),
    _bytes("agent_wallet", nullable=True, doc="null when the agent had no wallet"),
    Column(
        "held_mask", SmallInteger, nullable=False, doc="bit 0: creator's share held, bit 1: platform's, bit 2: agent's"
    ),
    Column("rail", Text, nullable=False, doc="how the money came in"),
    CheckConstraint(_one_of("rail", RAILS), name="tip_split_rail_known"),
    CheckConstraint("held_mask BETWEEN 0 AND 7", name="tip_split_held_mask_three_bits"),
    CheckConstraint(
        "creator_share_micro_usdc >= 0 AND agent_share_micro_usdc >= 0"
        " AND amount_micro_usdc - creator_share_micro_usdc - agent_share_micro_usdc >= 0 AND amount_micro_usdc > 0",
        name="tip_split_shares_add_up",
    ),
    Index("tip_split_ref_idx", "ref", "block_number"),
    Index("tip_split_creator_idx", "creator_id", "block_number"),
    Index("tip_split_agent_idx", "agent_id", "block_number"),
    Index("tip_split_payer_idx", "payer", "block_number"),
    Index("tip_split_tx_idx", "tx_hash", postgresql_using="hash"),
    widths={"ref": 32, "creator_id": 32, "agent_id": 32, "payer": 20, "creator_wallet": 20, "agent_wallet": 20},
)

share_held = _event_table(
    "share_held",
    _bytes("account_id", doc="whose share it is; PLATFORM_ID for the platform's"),
    _bytes("ref", doc="the episode it was tipped for"),
    _time("expires_at", doc="claimable strictly before, sweepable from then on"),
    _money("amount_micro_usdc", doc="what went into the bucket (account_id, expires_at)"),
    Column("reason", Text, nullable=False, doc="why it was held instead of paid"),
    CheckConstraint(_one_of("reason", HOLD_REASONS), name="share_held_reason_known"),
    CheckConstraint("amount_micro_usdc > 0", name="share_held_amount_positive"),
    Index("share_held_bucket_idx", "chain_id", "account_id", "expires_at"),
    Index("share_held_account_idx", "account_id", "block_number"),
    widths={"account_id": 32, "ref": 32},
)

share_claimed = _event_table(
    "share_claimed",
    _bytes("account_id", doc="whose bucket it was"),
    _bytes("wallet", doc="where it went"),
    _time("expires_at", doc="which bucket"),
    _money("amount_micro_usdc", doc="all that was in the bucket"),
    CheckConstraint("amount_micro_usdc > 0", name="share_claimed_amount_positive"),
    Index("share_claimed_bucket_idx", "chain_id", "account_id", "expires_at"),
    widths={"account_id": 32, "wallet": 20},
)

share_swept = _event_table(
    "share_swept",
    _bytes("account_id", doc="whose bucket it was"),
    _bytes("treasury", doc="where it went"),
    _time("expires_at", doc="which bucket"),
    _money("amount_micro_usdc", doc="all that was in the bucket"),
    CheckConstraint("amount_micro_usdc > 0", name="share_swept_amount_positive"),
    Index("share_swept_bucket_idx", "chain_id", "account_id", "expires_at"),
    widths={"account_id": 32, "treasury": 20},
)

wallet_event = _event_table(
    "wallet_event",
    Column(
        "kind", Text, nullable=False, doc="WalletSet, WalletRotationStarted, WalletRotationCancelled, WalletRevoked"
    ),
    _bytes("account_id", doc="whose wallet"),
    _bytes("wallet", doc="set: receives from now on; rotation: the new one; revoked: the one that receives no more"),
    _bytes("previous_wallet", nullable=True, doc="the one before; null the first time, and for `revoked`"),
    _time("ready_at", nullable=True, doc="rotation_started only: anyone may confirm it from then on"),
    CheckConstraint(_one_of("kind", WALLET_EVENTS), name="wallet_event_kind_known"),
    CheckConstraint("(kind = 'rotation_started') = (ready_at IS NOT NULL)", name="wallet_event_ready_at_of_rotation"),
    Index("wallet_event_account_idx", "chain_id", "account_id", "block_number", "log_index"),
    Index("wallet_event_wallet_idx", "chain_id", "wallet"),
    widths={"account_id": 32, "wallet": 20, "previous_wallet": 20},
)

vault_deployed = _event_table(
    "vault_deployed",
    _bytes("vault", doc="its address; transfers to it may be older than this row"),
    _bytes("ref", doc="the episode it pays for"),
    _bytes("creator_id", doc="the only creator it can pay"),
    _bytes("agent_id", doc="the only agent it can pay"),
    Index("vault_deployed_vault_idx", "chain_id", "vault"),
    Index("vault_deployed_ref_idx", "chain_id", "ref"),
    widths={"vault": 20, "ref": 32, "creator_id": 32, "agent_id": 32},
)

vault_flushed = _event_table(
    "vault_flushed",
    _bytes("vault", doc="what was emptied"),
    _bytes("ref", doc="the episode"),
    _bytes("payer", nullable=True, doc="who authorized exactly this amount in this call, else null"),
    _money("amount_micro_usdc", doc="the vault's whole balance; a tip_split of it follows in the transaction"),
    _bytes("nonce", nullable=True, doc="of that authorization, else null"),
    CheckConstraint("amount_micro_usdc > 0", name="vault_flushed_amount_positive"),
    CheckConstraint("payer IS NOT NULL OR nonce IS NULL", name="vault_flushed_nonce_has_payer"),
    Index("vault_flushed_vault_idx", "chain_id", "vault", "block_number", "log_index"),
    widths={"vault": 20, "ref": 32, "payer": 20, "nonce": 32},
)

usdc_transfer = _event_table(
    "usdc_transfer",
    _bytes("from_address", doc="who paid"),
    _bytes("to_address", doc="who received"),
    _money("amount_micro_usdc", doc="may be 0: USDC allows it"),
    Column(
        "noticed_block_number",
        BigInteger,
        nullable=False,
        doc="the block by which we know that it is of ours: later than its own when a vault was paid before it was"
        " deployed. A rewind below it takes the row away, so that a rebuild says the same",
    ),
    CheckConstraint("amount_micro_usdc >= 0", name="usdc_transfer_amount_not_negative"),
    CheckConstraint("noticed_block_number >= block_number", name="usdc_transfer_noticed_not_before"),
    Index("usdc_transfer_to_idx", "to_address", "block_number"),
    Index("usdc_transfer_from_idx", "from_address"),
    Index(
        "usdc_transfer_late_idx",
        "chain_id",
        "noticed_block_number",
        postgresql_where="noticed_block_number > block_number",
    ),
    widths={"from_address": 20, "to_address": 20},
)

authorization_used = _event_table(
    "authorization_used",
    _bytes("authorizer", doc="who signed"),
    _bytes("nonce", doc="EIP-3009; used once per authorizer"),
    Column("noticed_block_number", BigInteger, nullable=False, doc="as in `usdc_transfer`"),
    CheckConstraint("noticed_block_number >= block_number", name="authorization_used_noticed_not_before"),
    Index("authorization_used_nonce_idx", "nonce", postgresql_using="hash"),
    Index(
        "authorization_used_late_idx",
        "chain_id",
        "noticed_block_number",
        postgresql_where="noticed_block_number > block_number",
    ),
    widths={"authorizer": 20, "nonce": 32},
)

contract_event = _event_table(
    "contract_event",
    Column("name", Text, nullable=False, doc="the event's name: TreasuryChanged, MinTipSet, Paused, RoleGranted, …"),
    Column("args", JSONB, nullable=False, doc="by argument name: integers as decimal strings, bytes as 0x-hex"),
    Index("contract_event_name_idx", "chain_id", "name", "block_number", "log_index"),
    widths={},
)

orphaned_row = Table(
    "orphaned_row",
    metadata,
    Column("chain_id", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False, doc="of the writer that rewound"),
    Column("table_name", Text, nullable=False, doc="where the row stood"),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", LargeBinary, doc="of the block that the chain left, or in which a late row stands"),
    Column("log_index", Integer, doc="null for rows of `block`"),
    Column("content", JSONB, nullable=False, doc="the row as it was"),
    Column("orphaned_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("orphaned_row_block_idx", "chain_id", "block_number"),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("chain_id", BigInteger, nullable=False),
    Column("part", Text, nullable=False, doc="what is compared with the chain, slice by slice, round after round"),
    Column("position", Text, doc="the end of the newest slice; null at the start of a round"),
    Column("slices", BigInteger, nullable=False, doc="compared since ever"),
    Column("rounds", BigInteger, nullable=False, doc="ended since ever: each is everything that there was to compare"),
    _time("sliced_at", doc="the end of the newest slice"),
    _time("round_ended_at", nullable=True, doc="the end of the newest round"),
    PrimaryKeyConstraint("chain_id", "part", name="reconciliation_pkey"),
    CheckConstraint(_one_of("part", RECONCILED_PARTS), name="reconciliation_part_known"),
)

difference = Table(
    "difference",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("chain_id", BigInteger, nullable=False),
    Column(
        "part", Text, nullable=False, doc="of the reconciliation that found it, with the slice: asked again as such"
    ),
    Column("slice_first", Text, nullable=False),
    Column("slice_last", Text, nullable=False),
    Column("subject", Text, nullable=False, doc="a table, or what the contracts were asked"),
    Column("place", JSONB, nullable=False, doc="which row or bucket or vault, by the names of its key"),
    Column("accounts", ARRAY(LargeBinary), nullable=False, doc="whose money it is about, as far as the rows say"),
    Column("block_number", BigInteger, doc="of the row; null when the contracts were asked"),
    Column("log_index", Integer, doc="of the row"),
    Column("column_name", Text, doc="null: one side has no such row"),
    Column("ledger_value", JSONB, doc="what the ledger says; null: no such row"),
    Column("chain_value", JSONB, doc="what the chain says; null: no such row"),
    Column("head_number", BigInteger, nullable=False, doc="the ledger's head when it was last seen"),
    Column("found_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("seen_at", DateTime(timezone=True), nullable=False, server_default=func.now(), doc="the last time"),
    _time(
        "resolved_at", nullable=True, doc="when ledger and chain were found equal again; readiness is off until then"
    ),
    PrimaryKeyConstraint("id", name="difference_pkey"),
    CheckConstraint(_one_of("part", RECONCILED_PARTS), name="difference_part_known"),
    Index("difference_open_idx", "chain_id", postgresql_where="resolved_at IS NULL"),
)

EVENT_TABLES: tuple[Table, ...] = (
    tip_split,
    share_held,
    share_claimed,
    share_swept,
    wallet_event,
    vault_deployed,
    vault_flushed,
    usdc_transfer,
    authorization_used,
    contract_event,
)
"""Every table that has one row for each log, in the order in which they are written and compared."""

# What is derived, of final blocks alone: up to `rolled_up_number`, and never taken back. `ledger.rollups` writes it.

rollup_cursor = Table(
    "rollup_cursor",
    metadata,
    Column("chain_id", BigInteger, nullable=False, autoincrement=False),
    Column("rolled_up_number", BigInteger, nullable=False, doc="the tables below say all of the blocks up to here"),
    PrimaryKeyConstraint("chain_id", name="rollup_cursor_pkey"),
)

tip_rollup = Table(
    "tip_rollup",
    metadata,
    Column("chain_id", BigInteger, nullable=False),
    Column("day", Date, nullable=False, doc="of the blocks' times, UTC"),
    _bytes("ref", doc="what all these tips were for"),
    _bytes("creator_id", doc="of all these tips"),
    _bytes("agent_id", doc="of all these tips"),
    Column("tips", BigInteger, nullable=False, doc="how many; each of the three shares of a tip is at least 1"),
    _money("creator_earned_micro_usdc", doc="paid or held"),
    _money("platform_earned_micro_usdc", doc="paid or held"),
    _money("agent_earned_micro_usdc", doc="paid or held"),
    _money("creator_held_micro_usdc", doc="the part that was held when it was tipped"),
    _money("platform_held_micro_usdc", doc="the part that was held when it was tipped"),
    _money("agent_held_micro_usdc", doc="the part that was held when it was tipped"),
    Column("last_block_number", BigInteger, nullable=False, doc="of the newest of these tips"),
    PrimaryKeyConstraint("chain_id", "day", "ref", "creator_id", "agent_id", name="tip_rollup_pkey"),
    *(
        Index(
            f"tip_rollup_{role}_idx",
            *("chain_id", f"{role}_id", "day"),
            postgresql_include=[
                "ref",
                "tips",
                f"{role}_earned_micro_usdc",
                f"{role}_held_micro_usdc",
                "last_block_number",
            ],
        )
        for role in ("creator", "agent")  # all that a question needs, side by side: six times as fast for the largest
    ),
)

day_rollup = Table(
    "day_rollup",
    metadata,
    Column("chain_id", BigInteger, nullable=False),
    Column("day", Date, nullable=False, doc="UTC; only days with a tip"),
    Column("tips", BigInteger, nullable=False, doc="all of that day"),
    _money("platform_earned_micro_usdc", doc="the platform's share of them: summing its `tip_rollup` would be long"),
    _money("platform_held_micro_usdc", doc="the part that was held when it was tipped"),
    Column("first_block_number", BigInteger, nullable=False, doc="of the day's first tip: where part of a day begins"),
    Column("last_block_number", BigInteger, nullable=False, doc="of the newest of these tips"),
    PrimaryKeyConstraint("chain_id", "day", name="day_rollup_pkey"),
)

open_bucket = Table(
    "open_bucket",
    metadata,
    Column("chain_id", BigInteger, nullable=False),
    _bytes("account_id", doc="whose bucket"),
    _time("expires_at", doc="which of its buckets"),
    _money("amount_micro_usdc", doc="what was left in it at `rolled_up_number`; an empty bucket has no row"),
    PrimaryKeyConstraint("chain_id", "account_id", "expires_at", name="open_bucket_pkey"),
    Index("open_bucket_expiry_idx", "chain_id", "expires_at"),
)

ROLLUP_TABLES: tuple[Table, ...] = (rollup_cursor, tip_rollup, day_rollup, open_bucket)
"""The watermark first: whoever empties them holds it, so that nobody advances it meanwhile."""
