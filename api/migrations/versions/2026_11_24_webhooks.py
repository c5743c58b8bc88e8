"""Events, posted to whoever asked for them."""

from alembic import op

revision = "app_20261124_webhooks"
down_revision = "app_20261123_events"
branch_labels = None
depends_on = None

WEBHOOK = """
CREATE TABLE app.webhook (
    id             uuid        NOT NULL,
    account_id     uuid        NOT NULL,
    url            text        NOT NULL,
    kinds          text[]      NOT NULL,
    everything     boolean     NOT NULL,
    description    text        NOT NULL,
    secret         bytea       NOT NULL,
    former_secret  bytea,
    former_until   timestamptz,
    after_event_id bigint      NOT NULL,
    state          text        NOT NULL DEFAULT 'active',
    disabled_because text,
    failing_since  timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhook_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT webhook_state_known CHECK (state IN ('active', 'disabled')),
    CONSTRAINT webhook_reason_when_disabled CHECK ((state = 'disabled') = (disabled_because IS NOT NULL)),
    CONSTRAINT webhook_former_secret_ends CHECK ((former_secret IS NULL) = (former_until IS NULL))
);
CREATE INDEX webhook_account_idx ON app.webhook (account_id, created_at DESC, id DESC);
COMMENT ON COLUMN app.webhook.kinds IS 'Which events; all when empty';
COMMENT ON COLUMN app.webhook.everything IS 'Also events about others than the account''s payout accounts';
COMMENT ON COLUMN app.webhook.secret IS 'Sealed under the pepper and the webhook''s id';
COMMENT ON COLUMN app.webhook.former_secret IS 'Signs beside the new one until former_until';
COMMENT ON COLUMN app.webhook.after_event_id IS 'It began after this event';
COMMENT ON COLUMN app.webhook.failing_since IS 'The first failure since the last success';
"""

DELIVERY = """
CREATE TABLE app.webhook_delivery (
    webhook_id uuid        NOT NULL,
    event_id   bigint      NOT NULL,
    subject    text        NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting',
    attempts   integer     NOT NULL DEFAULT 0,
    status     integer,
    error      text,
    tried_at   timestamptz,
    CONSTRAINT webhook_delivery_pkey PRIMARY KEY (webhook_id, event_id),
    CONSTRAINT webhook_delivery_webhook_fkey FOREIGN KEY (webhook_id) REFERENCES app.webhook (id) ON DELETE CASCADE,
    CONSTRAINT webhook_delivery_event_fkey FOREIGN KEY (event_id) REFERENCES app.event (id) ON DELETE CASCADE,
    CONSTRAINT webhook_delivery_state_known CHECK (state IN ('waiting', 'delivered', 'given_up'))
);
CREATE INDEX webhook_delivery_waiting_idx ON app.webhook_delivery (webhook_id, subject, event_id)
    WHERE state = 'waiting';
CREATE INDEX webhook_delivery_event_idx ON app.webhook_delivery (event_id);
COMMENT ON COLUMN app.webhook_delivery.status IS 'The last answer''s; null when there was none';

CREATE TABLE app.webhook_line (
    webhook_id   uuid        NOT NULL,
    subject      text        NOT NULL,
    due_at       timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,
    CONSTRAINT webhook_line_pkey PRIMARY KEY (webhook_id, subject),
    CONSTRAINT webhook_line_webhook_fkey FOREIGN KEY (webhook_id) REFERENCES app.webhook (id) ON DELETE CASCADE
);
CREATE INDEX webhook_line_due_idx ON app.webhook_line (webhook_id, due_at);
COMMENT ON TABLE  app.webhook_line IS
    'The deliveries of one subject that wait: only the first is tried, so that none overtakes another';
COMMENT ON COLUMN app.webhook_line.leased_until IS 'Somebody is at the first one; after a crash, others may then';

CREATE TABLE app.webhook_cursor (
    only_one boolean NOT NULL DEFAULT true,
    event_id bigint  NOT NULL,
    CONSTRAINT webhook_cursor_pkey PRIMARY KEY (only_one),
    CONSTRAINT webhook_cursor_single CHECK (only_one)
);
COMMENT ON COLUMN app.webhook_cursor.event_id IS 'Events up to this one are in line';
INSERT INTO app.webhook_cursor (event_id) SELECT coalesce(max(id), 0) FROM app.event;
"""


def upgrade() -> None:
    op.execute(WEBHOOK)
    op.execute(DELIVERY)


def downgrade() -> None:
    op.execute("DROP TABLE app.webhook_cursor, app.webhook_line, app.webhook_delivery, app.webhook")
