"""Indexes of the large tables: only those that a query needs, and narrow. They were nine tenths of a row's cost."""

from alembic import op

revision = "2026_11_23_slim_indexes"
down_revision = "2026_11_23_reconciliation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(_INDEXES)


_INDEXES = """
DROP INDEX ledger.tip_split_ref_idx;
DROP INDEX ledger.tip_split_creator_idx;
DROP INDEX ledger.tip_split_agent_idx;
DROP INDEX ledger.tip_split_payer_idx;
DROP INDEX ledger.tip_split_tx_idx;
DROP INDEX ledger.share_held_tx_idx;
DROP INDEX ledger.usdc_transfer_to_idx;
DROP INDEX ledger.usdc_transfer_from_idx;
DROP INDEX ledger.usdc_transfer_tx_idx;
DROP INDEX ledger.authorization_used_nonce_idx;
CREATE INDEX tip_split_ref_idx ON ledger.tip_split (ref, block_number);
CREATE INDEX tip_split_creator_idx ON ledger.tip_split (creator_id, block_number);
CREATE INDEX tip_split_agent_idx ON ledger.tip_split (agent_id, block_number);
CREATE INDEX tip_split_payer_idx ON ledger.tip_split (payer, block_number);
CREATE INDEX tip_split_tx_idx ON ledger.tip_split USING hash (tx_hash);
CREATE INDEX share_held_account_idx ON ledger.share_held (account_id, block_number);
CREATE INDEX usdc_transfer_to_idx ON ledger.usdc_transfer (to_address, block_number);
CREATE INDEX usdc_transfer_from_idx ON ledger.usdc_transfer (from_address);
CREATE INDEX authorization_used_nonce_idx ON ledger.authorization_used USING hash (nonce);
"""
