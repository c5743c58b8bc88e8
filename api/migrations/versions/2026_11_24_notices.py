"""Notices of what is held are told as events, too."""

from alembic import op

revision = "app_20261124_notices"
down_revision = "app_20261124_webhooks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE app.hold_notice ADD COLUMN announced boolean NOT NULL DEFAULT false")
    op.execute("UPDATE app.hold_notice SET announced = true")
    op.execute("CREATE INDEX hold_notice_unannounced_idx ON app.hold_notice (chain_id) WHERE NOT announced")
    op.execute("CREATE INDEX hold_notice_account_idx ON app.hold_notice (account_id, created_at DESC, expires_at, day)")


def downgrade() -> None:
    op.execute("DROP INDEX app.hold_notice_account_idx")
    op.execute("ALTER TABLE app.hold_notice DROP COLUMN announced")
