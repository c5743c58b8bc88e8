"""The audit log sealed: events chained in the order in which they became final, batches, anchors on-chain."""

from alembic import op

revision = "app_20261124_audit_seal"
down_revision = "app_20261124_discovery"
branch_labels = None
depends_on = None

SEAL = """
ALTER TABLE app.audit_event ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX audit_event_unsealed_idx ON app.audit_event (xid, id);
COMMENT ON COLUMN app.audit_event.xid IS
    'Its transaction. Ids are given before the commit: the order is final when no older transaction runs';

CREATE TABLE app.audit_batch (
    number         bigint      NOT NULL,
    first_position bigint      NOT NULL,
    last_position  bigint      NOT NULL,
    root           bytea       NOT NULL,
    head           bytea       NOT NULL,
    sealed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT audit_batch_pkey PRIMARY KEY (number),
    CONSTRAINT audit_batch_one_per_place UNIQUE (first_position),
    CONSTRAINT audit_batch_ordered CHECK (first_position <= last_position AND first_position > 0),
    CONSTRAINT audit_batch_hash_lengths CHECK (octet_length(root) = 32 AND octet_length(head) = 32)
);
COMMENT ON COLUMN app.audit_batch.root IS 'Of the Merkle tree (RFC 9162) over the chain''s hashes of the batch';
COMMENT ON COLUMN app.audit_batch.head IS 'The chain''s hash of its last event';

CREATE TABLE app.audit_seal (
    position bigint NOT NULL,
    event_id bigint NOT NULL,
    hash     bytea  NOT NULL,
    CONSTRAINT audit_seal_pkey PRIMARY KEY (position),
    CONSTRAINT audit_seal_once UNIQUE (event_id),
    CONSTRAINT audit_seal_event_fkey FOREIGN KEY (event_id) REFERENCES app.audit_event (id),
    CONSTRAINT audit_seal_hash_length CHECK (octet_length(hash) = 32)
);
COMMENT ON TABLE  app.audit_seal IS 'The chain: positions without gaps, from 1';
COMMENT ON COLUMN app.audit_seal.hash IS 'SHA-256(the hash before it || the event as RFC 8785 writes it)';

CREATE TABLE app.audit_anchor (
    number    bigint      NOT NULL,
    attempt   smallint    NOT NULL,
    outbox_id uuid        NOT NULL,
    asked_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_anchor_pkey PRIMARY KEY (number, attempt),
    CONSTRAINT audit_anchor_batch_fkey FOREIGN KEY (number) REFERENCES app.audit_batch (number)
);
COMMENT ON TABLE app.audit_anchor IS 'What tells the chain a batch''s root: again only when that was refused';
"""

APPEND_ONLY = """
CREATE TRIGGER {0}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON app.{0}
    FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
REVOKE ALL ON app.{0} FROM molt_api;
GRANT SELECT, INSERT ON app.{0} TO molt_api;
"""


def upgrade() -> None:
    op.execute(SEAL)
    for table in ("audit_batch", "audit_seal", "audit_anchor"):
        op.execute(APPEND_ONLY.format(table))


def downgrade() -> None:
    op.execute("DROP TABLE app.audit_anchor, app.audit_seal, app.audit_batch")
    op.execute("ALTER TABLE app.audit_event DROP COLUMN xid")
