"""What is derived of final blocks alone: earnings by day and episode, the platform's by day, buckets that are open."""

from alembic import op

revision = "2026_11_23_rollups"
down_revision = "2026_11_22_facts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_TABLES)


_TABLES = """
CREATE TABLE ledger.rollup_cursor (
    chain_id BIGINT NOT NULL,
    rolled_up_number BIGINT NOT NULL,
    CONSTRAINT rollup_cursor_pkey PRIMARY KEY (chain_id)
);

CREATE TABLE ledger.tip_rollup (
    chain_id BIGINT NOT NULL,
    day DATE NOT NULL,
    ref BYTEA NOT NULL,
    creator_id BYTEA NOT NULL,
    agent_id BYTEA NOT NULL,
    tips BIGINT NOT NULL,
    creator_earned_micro_usdc BIGINT NOT NULL,
    platform_earned_micro_usdc BIGINT NOT NULL,
    agent_earned_micro_usdc BIGINT NOT NULL,
    creator_held_micro_usdc BIGINT NOT NULL,
    platform_held_micro_usdc BIGINT NOT NULL,
    agent_held_micro_usdc BIGINT NOT NULL,
    last_block_number BIGINT NOT NULL,
    CONSTRAINT tip_rollup_pkey PRIMARY KEY (chain_id, day, ref, creator_id, agent_id)
);
CREATE INDEX tip_rollup_agent_idx ON ledger.tip_rollup (chain_id, agent_id, day);
CREATE INDEX tip_rollup_creator_idx ON ledger.tip_rollup (chain_id, creator_id, day);

CREATE TABLE ledger.day_rollup (
    chain_id BIGINT NOT NULL,
    day DATE NOT NULL,
    tips BIGINT NOT NULL,
    platform_earned_micro_usdc BIGINT NOT NULL,
    platform_held_micro_usdc BIGINT NOT NULL,
    first_block_number BIGINT NOT NULL,
    last_block_number BIGINT NOT NULL,
    CONSTRAINT day_rollup_pkey PRIMARY KEY (chain_id, day)
);

CREATE TABLE ledger.open_bucket (
    chain_id BIGINT NOT NULL,
    account_id BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    amount_micro_usdc BIGINT NOT NULL,
    CONSTRAINT open_bucket_pkey PRIMARY KEY (chain_id, account_id, expires_at)
);
CREATE INDEX open_bucket_expiry_idx ON ledger.open_bucket (chain_id, expires_at);
"""
