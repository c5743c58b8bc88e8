"""Preferences, and accounts that are forgotten thirty days after their deletion; keys recovered by wallet."""

from alembic import op

revision = "app_20261124_privacy"
down_revision = "app_20261124_community"
branch_labels = None
depends_on = None

UPGRADE = """
ALTER TABLE app.account ADD COLUMN purged_at timestamptz,
    ADD CONSTRAINT account_purged_after_deletion CHECK (purged_at IS NULL OR purged_at > deleted_at);
COMMENT ON COLUMN app.account.purged_at IS 'Its personal data is gone; what the ledger and the audit log say stays';
CREATE INDEX account_to_purge_idx ON app.account (deleted_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

CREATE TABLE app.preference (
    account_id uuid        NOT NULL,
    listed     boolean     NOT NULL,
    key_expiry boolean     NOT NULL,
    locale     text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT preference_pkey PRIMARY KEY (account_id),
    CONSTRAINT preference_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT preference_locale_form CHECK (locale ~ '^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$')
);

ALTER TABLE app.used_challenge DROP CONSTRAINT used_challenge_purpose_known;
ALTER TABLE app.used_challenge ADD CONSTRAINT used_challenge_purpose_known
    CHECK (purpose IN ('sign_in', 'wallet', 'recovery'));
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("DROP TABLE app.preference")
    op.execute("ALTER TABLE app.account DROP COLUMN purged_at")
