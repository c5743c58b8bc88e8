"""The facts of the chain: cursor, blocks, one table for each kind of event, and the archive of orphans."""

from alembic import op

revision = "2026_11_22_facts"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_READERS)
    op.execute(_TABLES)
    op.execute(_NEVER_EDITED)


_READERS = """
GRANT USAGE ON SCHEMA ledger TO molt_api;
ALTER DEFAULT PRIVILEGES IN SCHEMA ledger GRANT SELECT ON TABLES TO molt_api;
"""

# Facts are appended or rewound. The cursor moves, and a block may gain late rows; nothing else changes.
_NEVER_EDITED = """
REVOKE UPDATE ON ALL TABLES IN SCHEMA ledger FROM molt_indexer;
REVOKE DELETE ON ledger.orphaned_row, ledger.cursor FROM molt_indexer;
GRANT UPDATE ON ledger.cursor, ledger.block TO molt_indexer;
"""

_TABLES = """
CREATE TABLE ledger.cursor (
    chain_id BIGINT NOT NULL,
    splitter BYTEA NOT NULL,
    usdc BYTEA NOT NULL,
    start_number BIGINT NOT NULL,
    head_number BIGINT NOT NULL,
    head_hash BYTEA NOT NULL,
    head_timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    safe_number BIGINT NOT NULL,
    finalized_number BIGINT NOT NULL,
    chain_head_number BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    status TEXT NOT NULL,
    status_detail TEXT,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT cursor_pkey PRIMARY KEY (chain_id),
    CONSTRAINT cursor_status_known CHECK (status IN ('syncing', 'live', 'halted')),
    CONSTRAINT cursor_finality_ordered CHECK (finalized_number <= safe_number AND safe_number <= head_number),
    CONSTRAINT cursor_widths
        CHECK (octet_length(splitter) = 20
        AND octet_length(usdc) = 20
        AND octet_length(head_hash) = 32)
);

CREATE TABLE ledger.block (
    chain_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    parent_hash BYTEA NOT NULL,
    timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
    has_events BOOLEAN NOT NULL,
    CONSTRAINT block_pkey PRIMARY KEY (chain_id, number),
    CONSTRAINT block_widths CHECK (octet_length(hash) = 32 AND octet_length(parent_hash) = 32)
);

CREATE TABLE ledger.tip_split (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    ref BYTEA NOT NULL,
    creator_id BYTEA NOT NULL,
    agent_id BYTEA NOT NULL,
    payer BYTEA,
    amount_micro_usdc BIGINT NOT NULL,
    creator_share_micro_usdc BIGINT NOT NULL,
    platform_share_micro_usdc BIGINT NOT NULL
        GENERATED ALWAYS AS (amount_micro_usdc - creator_share_micro_usdc - agent_share_micro_usdc) STORED,
    agent_share_micro_usdc BIGINT NOT NULL,
    creator_wallet BYTEA,
    agent_wallet BYTEA,
    held_mask SMALLINT NOT NULL,
    rail TEXT NOT NULL,
    CONSTRAINT tip_split_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT tip_split_rail_known CHECK (rail IN ('approve', 'permit', 'authorization', 'x402', 'flush')),
    CONSTRAINT tip_split_held_mask_three_bits CHECK (held_mask BETWEEN 0 AND 7),
    CONSTRAINT tip_split_shares_add_up
        CHECK (creator_share_micro_usdc >= 0
        AND agent_share_micro_usdc >= 0
        AND amount_micro_usdc - creator_share_micro_usdc - agent_share_micro_usdc >= 0
        AND amount_micro_usdc > 0),
    CONSTRAINT tip_split_widths
        CHECK (octet_length(tx_hash) = 32
        AND octet_length(ref) = 32
        AND octet_length(creator_id) = 32
        AND octet_length(agent_id) = 32
        AND octet_length(payer) = 20
        AND octet_length(creator_wallet) = 20
        AND octet_length(agent_wallet) = 20)
);
CREATE INDEX tip_split_agent_idx ON ledger.tip_split (chain_id, agent_id, block_number, log_index);
CREATE INDEX tip_split_creator_idx ON ledger.tip_split (chain_id, creator_id, block_number, log_index);
CREATE INDEX tip_split_payer_idx ON ledger.tip_split (chain_id, payer, block_number, log_index);
CREATE INDEX tip_split_ref_idx ON ledger.tip_split (chain_id, ref, block_number, log_index);
CREATE INDEX tip_split_tx_idx ON ledger.tip_split (tx_hash);

CREATE TABLE ledger.share_held (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    ref BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    amount_micro_usdc BIGINT NOT NULL,
    reason TEXT NOT NULL,
    CONSTRAINT share_held_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT share_held_reason_known CHECK (reason IN ('no_wallet', 'blacklisted')),
    CONSTRAINT share_held_amount_positive CHECK (amount_micro_usdc > 0),
    CONSTRAINT share_held_widths
        CHECK (octet_length(tx_hash) = 32
        AND octet_length(account_id) = 32
        AND octet_length(ref) = 32)
);
CREATE INDEX share_held_bucket_idx ON ledger.share_held (chain_id, account_id, expires_at);
CREATE INDEX share_held_tx_idx ON ledger.share_held (tx_hash);

CREATE TABLE ledger.share_claimed (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    wallet BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    amount_micro_usdc BIGINT NOT NULL,
    CONSTRAINT share_claimed_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT share_claimed_amount_positive CHECK (amount_micro_usdc > 0),
    CONSTRAINT share_claimed_widths
        CHECK (octet_length(tx_hash) = 32
        AND octet_length(account_id) = 32
        AND octet_length(wallet) = 20)
);
CREATE INDEX share_claimed_bucket_idx ON ledger.share_claimed (chain_id, account_id, expires_at);

CREATE TABLE ledger.share_swept (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    treasury BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    amount_micro_usdc BIGINT NOT NULL,
    CONSTRAINT share_swept_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT share_swept_amount_positive CHECK (amount_micro_usdc > 0),
    CONSTRAINT share_swept_widths
        CHECK (octet_length(tx_hash) = 32
        AND octet_length(account_id) = 32
        AND octet_length(treasury) = 20)
);
CREATE INDEX share_swept_bucket_idx ON ledger.share_swept (chain_id, account_id, expires_at);

CREATE TABLE ledger.wallet_event (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    kind TEXT NOT NULL,
    account_id BYTEA NOT NULL,
    wallet BYTEA NOT NULL,
    previous_wallet BYTEA,
    ready_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT wallet_event_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT wallet_event_kind_known CHECK (kind IN ('set', 'rotation_started', 'rotation_cancelled', 'revoked')),
    CONSTRAINT wallet_event_ready_at_of_rotation CHECK ((kind = 'rotation_started') = (ready_at IS NOT NULL)),
    CONSTRAINT wallet_event_widths
        CHECK (octet_length(tx_hash) = 32
        AND octet_length(account_id) = 32
        AND octet_length(wallet) = 20
        AND octet_length(previous_wallet) = 20)
);
CREATE INDEX wallet_event_account_idx ON ledger.wallet_event (chain_id, account_id, block_number, log_index);
CREATE INDEX wallet_event_wallet_idx ON ledger.wallet_event (chain_id, wallet);

CREATE TABLE ledger.vault_deployed (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    vault BYTEA NOT NULL,
    ref BYTEA NOT NULL,
    creator_id BYTEA NOT NULL,
    agent_id BYTEA NOT NULL,
    CONSTRAINT vault_deployed_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT vault_deployed_widths
        CHECK (octet_length(tx_hash) = 32
        AND octet_length(vault) = 20
        AND octet_length(ref) = 32
        AND octet_length(creator_id) = 32
        AND octet_length(agent_id) = 32)
);
CREATE INDEX vault_deployed_ref_idx ON ledger.vault_deployed (chain_id, ref);
CREATE INDEX vault_deployed_vault_idx ON ledger.vault_deployed (chain_id, vault);

CREATE TABLE ledger.vault_flushed (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    vault BYTEA NOT NULL,
    ref BYTEA NOT NULL,
    payer BYTEA,
    amount_micro_usdc BIGINT NOT NULL,
    nonce BYTEA,
    CONSTRAINT vault_flushed_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT vault_flushed_amount_positive CHECK (amount_micro_usdc > 0),
    CONSTRAINT vault_flushed_nonce_has_payer CHECK (payer IS NOT NULL OR nonce IS NULL),
    CONSTRAINT vault_flushed_widths
        CHECK (octet_length(tx_hash) = 32
        AND octet_length(vault) = 20
        AND octet_length(ref) = 32
        AND octet_length(payer) = 20
        AND octet_length(nonce) = 32)
);
CREATE INDEX vault_flushed_vault_idx ON ledger.vault_flushed (chain_id, vault, block_number, log_index);

CREATE TABLE ledger.usdc_transfer (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    from_address BYTEA NOT NULL,
    to_address BYTEA NOT NULL,
    amount_micro_usdc BIGINT NOT NULL,
    noticed_block_number BIGINT NOT NULL,
    CONSTRAINT usdc_transfer_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT usdc_transfer_amount_not_negative CHECK (amount_micro_usdc >= 0),
    CONSTRAINT usdc_transfer_noticed_not_before CHECK (noticed_block_number >= block_number),
    CONSTRAINT usdc_transfer_widths
        CHECK (octet_length(tx_hash) = 32
        AND octet_length(from_address) = 20
        AND octet_length(to_address) = 20)
);
CREATE INDEX usdc_transfer_from_idx ON ledger.usdc_transfer (chain_id, from_address, block_number, log_index);
CREATE INDEX usdc_transfer_late_idx ON ledger.usdc_transfer (chain_id, noticed_block_number)
    WHERE noticed_block_number > block_number;
CREATE INDEX usdc_transfer_to_idx ON ledger.usdc_transfer (chain_id, to_address, block_number, log_index);
CREATE INDEX usdc_transfer_tx_idx ON ledger.usdc_transfer (tx_hash);

CREATE TABLE ledger.authorization_used (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    authorizer BYTEA NOT NULL,
    nonce BYTEA NOT NULL,
    noticed_block_number BIGINT NOT NULL,
    CONSTRAINT authorization_used_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT authorization_used_noticed_not_before CHECK (noticed_block_number >= block_number),
    CONSTRAINT authorization_used_widths
        CHECK (octet_length(tx_hash) = 32
        AND octet_length(authorizer) = 20
        AND octet_length(nonce) = 32)
);
CREATE INDEX authorization_used_late_idx ON ledger.authorization_used (chain_id, noticed_block_number)
    WHERE noticed_block_number > block_number;
CREATE INDEX authorization_used_nonce_idx ON ledger.authorization_used (chain_id, authorizer, nonce);

CREATE TABLE ledger.contract_event (
    chain_id BIGINT NOT NULL,
    block_number BIGINT NOT NULL,
    log_index INTEGER NOT NULL,
    tx_hash BYTEA NOT NULL,
    name TEXT NOT NULL,
    args JSONB NOT NULL,
    CONSTRAINT contract_event_pkey PRIMARY KEY (chain_id, block_number, log_index),
    CONSTRAINT contract_event_widths CHECK (octet_length(tx_hash) = 32)
);
CREATE INDEX contract_event_name_idx ON ledger.contract_event (chain_id, name, block_number, log_index);

CREATE TABLE ledger.orphaned_row (
    chain_id BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    table_name TEXT NOT NULL,
    block_number BIGINT NOT NULL,
    block_hash BYTEA,
    log_index INTEGER,
    content JSONB NOT NULL,
    orphaned_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL
);
CREATE INDEX orphaned_row_block_idx ON ledger.orphaned_row (chain_id, block_number);
"""
