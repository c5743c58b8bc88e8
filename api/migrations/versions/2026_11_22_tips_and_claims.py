"""Gasless tips, claims and the notices of what is held."""

from alembic import op

revision = "app_20261122_tips"
down_revision = "app_20261122_studios"
branch_labels = None
depends_on = None

SUBMITTED_TIP = """
CREATE TABLE app.submitted_tip (
    id           uuid          NOT NULL,
    chain_id     bigint        NOT NULL,
    asset        bytea         NOT NULL,
    payer        bytea         NOT NULL,
    nonce        bytea         NOT NULL,
    episode_id   uuid          NOT NULL,
    rail         text          NOT NULL,
    recipient    bytea         NOT NULL,
    amount_micro_usdc bigint   NOT NULL,
    valid_after  numeric(78)   NOT NULL,
    valid_before numeric(78)   NOT NULL,
    salt         bytea,
    signature    bytea         NOT NULL,
    attempt      integer       NOT NULL DEFAULT 1,
    outbox_id    uuid          NOT NULL,
    submitted_by uuid,
    created_at   timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT submitted_tip_pkey PRIMARY KEY (id),
    CONSTRAINT submitted_tip_one_per_authorization UNIQUE (chain_id, asset, payer, nonce),
    CONSTRAINT submitted_tip_episode_fkey FOREIGN KEY (episode_id) REFERENCES app.episode (id),
    CONSTRAINT submitted_tip_rail_known CHECK (rail IN ('authorization', 'x402')),
    CONSTRAINT submitted_tip_salt_of_authorization CHECK ((rail = 'authorization') = (salt IS NOT NULL)),
    CONSTRAINT submitted_tip_amount_positive CHECK (amount_micro_usdc > 0),
    CONSTRAINT submitted_tip_widths CHECK (octet_length(asset) = 20 AND octet_length(payer) = 20
        AND octet_length(recipient) = 20 AND octet_length(nonce) = 32 AND octet_length(salt) = 32)
);
COMMENT ON TABLE  app.submitted_tip IS
    'EIP-3009 authorizations handed to us, written before they are sent; what became of one, the ledger says';
COMMENT ON COLUMN app.submitted_tip.asset IS 'The token''s contract';
COMMENT ON COLUMN app.submitted_tip.recipient IS 'What the payer signed as `to`: the splitter, or (x402) the vault';
COMMENT ON COLUMN app.submitted_tip.salt IS 'Of the terms'' hash that is the nonce';
COMMENT ON COLUMN app.submitted_tip.attempt IS 'Grows when a refused one is submitted again';
"""

CLAIM = """
CREATE TABLE app.claim (
    id                uuid        NOT NULL,
    chain_id          bigint      NOT NULL,
    account_id        uuid        NOT NULL,
    expiries          bigint[]    NOT NULL,
    amount_micro_usdc bigint      NOT NULL,
    outbox_id         uuid        NOT NULL,
    requested_by      uuid,
    created_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT claim_pkey PRIMARY KEY (id),
    CONSTRAINT claim_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT claim_of_something CHECK (amount_micro_usdc > 0 AND cardinality(expiries) > 0)
);
CREATE INDEX claim_account_idx ON app.claim (account_id, created_at DESC, id DESC);
COMMENT ON TABLE  app.claim IS
    'Claims that we sent for accounts; anybody may claim on-chain too, so the ledger decides what was claimed';
COMMENT ON COLUMN app.claim.expiries IS 'The buckets, by their expiry (unix seconds)';
COMMENT ON COLUMN app.claim.amount_micro_usdc IS 'What lay in them when we asked';
COMMENT ON COLUMN app.claim.requested_by IS 'Null: the platform did, because a wallet was registered';
"""

HOLD_NOTICE = """
CREATE TABLE app.hold_notice (
    chain_id          bigint      NOT NULL,
    account_id        uuid        NOT NULL,
    expires_at        timestamptz NOT NULL,
    day               smallint    NOT NULL,
    amount_micro_usdc bigint      NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT hold_notice_pkey PRIMARY KEY (chain_id, account_id, expires_at, day),
    CONSTRAINT hold_notice_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT hold_notice_day_known CHECK (day IN (0, 7, 21, 27, 29))
);
COMMENT ON TABLE  app.hold_notice IS 'What an account was told about a held bucket';
COMMENT ON COLUMN app.hold_notice.day IS 'Days since it was held; the bucket is swept on day 30';
"""


def upgrade() -> None:
    for table in (SUBMITTED_TIP, CLAIM, HOLD_NOTICE):
        op.execute(table)


def downgrade() -> None:
    for table in ("hold_notice", "claim", "submitted_tip"):
        op.execute(f"DROP TABLE app.{table}")
