"""How far each range of blocks was proven."""

from alembic import op

revision = "2026_11_23_proven"
down_revision = "2026_11_23_rollups"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_TABLE)


_TABLE = """
CREATE TABLE ledger.proven_range (
    chain_id BIGINT NOT NULL,
    first_number BIGINT NOT NULL,
    last_number BIGINT NOT NULL,
    proof TEXT NOT NULL,
    CONSTRAINT proven_range_pkey PRIMARY KEY (chain_id, first_number),
    CONSTRAINT proven_range_proof_known CHECK (proof IN ('bloom', 'receipts')),
    CONSTRAINT proven_range_not_empty CHECK (first_number <= last_number)
)"""
