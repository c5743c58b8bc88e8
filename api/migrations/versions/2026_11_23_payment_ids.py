"""The name that a client gives a payment: who signs anew because an answer was lost does not pay anew."""

from alembic import op

revision = "app_20261123_payment_ids"
down_revision = "app_20261123_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE app.submitted_tip ADD COLUMN payment_id text,"
        " ADD CONSTRAINT submitted_tip_one_per_payment_id UNIQUE (chain_id, payer, payment_id),"
        " ADD CONSTRAINT submitted_tip_payment_id_form CHECK (payment_id ~ '^[a-zA-Z0-9_-]{16,128}$')"
    )
    op.execute(
        "COMMENT ON COLUMN app.submitted_tip.payment_id IS"
        " 'x402 extension payment-identifier, chosen by the payer; null also when a refused tip gave it up'"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE app.submitted_tip DROP COLUMN payment_id")
