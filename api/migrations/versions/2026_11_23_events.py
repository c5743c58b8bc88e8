"""What is told to listeners and webhooks, and what of it may still be taken back."""

from alembic import op

revision = "app_20261123_events"
down_revision = "app_20261123_payment_ids"
branch_labels = None
depends_on = None

EVENT = """
CREATE TABLE app.event (
    id          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind        text        NOT NULL,
    subject     text        NOT NULL,
    episode_id  uuid,
    account_ids uuid[]      NOT NULL,
    data        jsonb       NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT event_pkey PRIMARY KEY (id)
);
CREATE INDEX event_at_idx ON app.event (at);
COMMENT ON TABLE  app.event IS 'Written by one announcer at a time, so that ids grow in the order of commits';
COMMENT ON COLUMN app.event.subject IS 'Whose order matters: a tip''s id, or an account''s';

CREATE FUNCTION app.tell_of_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('app_event', '');
    RETURN NULL;
END $$;
CREATE TRIGGER event_told AFTER INSERT ON app.event FOR EACH STATEMENT EXECUTE FUNCTION app.tell_of_events();
"""

ANNOUNCED = """
CREATE TABLE app.announced (
    chain_id     bigint  NOT NULL,
    tx_hash      bytea   NOT NULL,
    log_index    integer NOT NULL,
    block_number bigint  NOT NULL,
    block_hash   bytea   NOT NULL,
    event_id     bigint  NOT NULL,
    CONSTRAINT announced_pkey PRIMARY KEY (chain_id, tx_hash, log_index),
    CONSTRAINT announced_event_fkey FOREIGN KEY (event_id) REFERENCES app.event (id)
);
COMMENT ON TABLE app.announced IS 'Facts of blocks that are not final, as announced: each ends final or taken back';
CREATE TABLE app.announcer (
    chain_id     bigint NOT NULL,
    final_number bigint NOT NULL,
    CONSTRAINT announcer_pkey PRIMARY KEY (chain_id)
);
COMMENT ON COLUMN app.announcer.final_number IS 'Everything up to this block is announced, and can no longer change';
"""


def upgrade() -> None:
    op.execute(EVENT)
    op.execute(ANNOUNCED)
    op.execute("ALTER TABLE app.submitted_tip ADD COLUMN announced boolean NOT NULL DEFAULT false")
    op.execute("UPDATE app.submitted_tip SET announced = true")
    op.execute("CREATE INDEX submitted_tip_unannounced_idx ON app.submitted_tip (created_at) WHERE NOT announced")


def downgrade() -> None:
    op.execute("ALTER TABLE app.submitted_tip DROP COLUMN announced")
    op.execute("DROP TABLE app.announcer, app.announced, app.event")
    op.execute("DROP FUNCTION app.tell_of_events()")
