"""Several keys for one name: a request is reserved by one of them before it is signed.

Revision ID: relay_20261124
"""

from alembic import op

revision = "relay_20261124"
down_revision = "relay_20261122"
branch_labels = None
depends_on = None

CLAIMS = """
ALTER TABLE relay.outbox ADD COLUMN claimed_by bytea, ADD COLUMN claimed_until timestamptz,
    ADD CONSTRAINT outbox_claim_whole CHECK (num_nulls(claimed_by, claimed_until) IN (0, 2)) NOT VALID;
ALTER TABLE relay.outbox VALIDATE CONSTRAINT outbox_claim_whole;
COMMENT ON COLUMN relay.outbox.claimed_by IS
    'The key that thinks about a queued request now; of those of one name only this one may sign it (then: sender)';
COMMENT ON COLUMN relay.outbox.claimed_until IS
    'From when another key may take it, because the one that claimed it has ended in the middle';
GRANT UPDATE (claimed_by, claimed_until) ON relay.outbox TO molt_relayer;
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(CLAIMS)


def downgrade() -> None:
    op.execute("ALTER TABLE relay.outbox DROP COLUMN claimed_by, DROP COLUMN claimed_until")
