"""What is submitted may pay for something else than an episode: `api/tips/kinds.py`."""

from alembic import op

revision = "app_20261124_payment_kinds"
down_revision = "app_20261124_notices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE app.submitted_tip ALTER COLUMN episode_id DROP NOT NULL,"
        " ADD COLUMN kind text NOT NULL DEFAULT 'tip', ADD COLUMN payable_id uuid,"
        " ADD CONSTRAINT submitted_tip_pays_for_one_thing CHECK"
        " ((kind = 'tip') = (episode_id IS NOT NULL) AND num_nonnulls(episode_id, payable_id) = 1)"
    )
    op.execute("COMMENT ON COLUMN app.submitted_tip.kind IS 'One of api/tips/kinds.py'")
    op.execute("COMMENT ON COLUMN app.submitted_tip.payable_id IS 'What it pays for, when that is no episode'")


def downgrade() -> None:
    op.execute(
        "ALTER TABLE app.submitted_tip DROP COLUMN payable_id, DROP COLUMN kind, ALTER COLUMN episode_id SET NOT NULL"
    )
