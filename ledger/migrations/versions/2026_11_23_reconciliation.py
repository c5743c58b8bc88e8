"""How far the ledger has been compared with the chain, and what differs."""

from alembic import op

revision = "2026_11_23_reconciliation"
down_revision = "2026_11_23_proven"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_TABLES)


_TABLES = """
CREATE TABLE ledger.reconciliation (
    chain_id BIGINT NOT NULL,
    part TEXT NOT NULL,
    position TEXT,
    slices BIGINT NOT NULL,
    rounds BIGINT NOT NULL,
    sliced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    round_ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT reconciliation_pkey PRIMARY KEY (chain_id, part),
    CONSTRAINT reconciliation_part_known
        CHECK (part IN ('totals', 'buckets', 'vaults', 'wallets', 'blocks', 'rollups'))
);

CREATE TABLE ledger.difference (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    chain_id BIGINT NOT NULL,
    part TEXT NOT NULL,
    slice_first TEXT NOT NULL,
    slice_last TEXT NOT NULL,
    subject TEXT NOT NULL,
    place JSONB NOT NULL,
    accounts BYTEA[] NOT NULL,
    block_number BIGINT,
    log_index INTEGER,
    column_name TEXT,
    ledger_value JSONB,
    chain_value JSONB,
    head_number BIGINT NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT difference_pkey PRIMARY KEY (id),
    CONSTRAINT difference_part_known
        CHECK (part IN ('totals', 'buckets', 'vaults', 'wallets', 'blocks', 'rollups'))
);
CREATE INDEX difference_open_idx ON ledger.difference (chain_id) WHERE resolved_at IS NULL;
"""
