"""The auditor is a key of its own: it anchors the roots of the audit log, and nothing else.

Revision ID: relay_20261124_auditor
"""

from alembic import op

revision = "relay_20261124_auditor"
down_revision = "relay_20261124"
branch_labels = None
depends_on = None

_KNOWN = """
ALTER TABLE relay.outbox DROP CONSTRAINT outbox_key_name_known;
ALTER TABLE relay.outbox ADD CONSTRAINT outbox_key_name_known CHECK (key_name IN ({names})) NOT VALID;
ALTER TABLE relay.outbox VALIDATE CONSTRAINT outbox_key_name_known;
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(_KNOWN.format(names="'relayer', 'registrar', 'faucet', 'auditor'"))


def downgrade() -> None:
    op.execute(_KNOWN.format(names="'relayer', 'registrar', 'faucet'"))
