"""Idempotency keys, the audit trail, and the job queue."""

from pathlib import Path
from typing import Any

from alembic import op

revision = "app_20261122_conventions"
down_revision = None
branch_labels = None
depends_on = None

_PROCRASTINATE = Path(__file__).resolve().parent.parent / "sql" / "procrastinate_3_10.sql"

IDEMPOTENCY_KEY = """
CREATE TABLE app.idempotency_key (
    scope        bytea       NOT NULL,
    request_hash bytea       NOT NULL,
    answer       bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (scope),
    CONSTRAINT idempotency_key_widths CHECK (octet_length(scope) = 32 AND octet_length(request_hash) = 32)
);
CREATE INDEX idempotency_key_expiry_idx ON app.idempotency_key (expires_at);
COMMENT ON TABLE  app.idempotency_key IS 'Written in the transaction of the effect: both are there, or neither';
COMMENT ON COLUMN app.idempotency_key.scope IS 'HMAC of caller and key: the key itself is not stored';
COMMENT ON COLUMN app.idempotency_key.request_hash IS 'HMAC of method, path, query and body';
COMMENT ON COLUMN app.idempotency_key.answer IS 'Sealed: to open it takes our pepper and the client''s key';
"""

AUDIT_EVENT = """
CREATE TABLE app.audit_event (
    id           bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    occurred_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor_kind   text        NOT NULL,
    actor_id     uuid,
    action       text        NOT NULL,
    subject_kind text        NOT NULL,
    subject_id   text        NOT NULL,
    account_id   uuid,
    request_id   text,
    data         jsonb       NOT NULL DEFAULT '{}',
    CONSTRAINT audit_event_pkey PRIMARY KEY (id),
    CONSTRAINT audit_event_actor_known CHECK (actor_kind IN ('human', 'agent', 'operator', 'platform', 'anonymous')),
    CONSTRAINT audit_event_actor_named CHECK ((actor_kind IN ('human', 'agent')) = (actor_id IS NOT NULL)),
    CONSTRAINT audit_event_action_form CHECK (action ~ '^[a-z_]+\\.[a-z_]+$'),
    CONSTRAINT audit_event_data_is_object CHECK (jsonb_typeof(data) = 'object')
);
CREATE INDEX audit_event_account_idx ON app.audit_event (account_id, id DESC);
CREATE INDEX audit_event_subject_idx ON app.audit_event (subject_kind, subject_id, id DESC);
COMMENT ON TABLE  app.audit_event IS
    'Appended in the transaction of what it records. Sealing adds rows elsewhere, so that none here ever changes';
COMMENT ON COLUMN app.audit_event.actor_id IS 'The account that acted; null for operators, the platform and strangers';
COMMENT ON COLUMN app.audit_event.account_id IS 'Whose affair it is: that account and its owner may read it';
COMMENT ON COLUMN app.audit_event.data IS
    'Facts; personal data only as salted hashes, so that deletion breaks no chain';

CREATE FUNCTION app.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON app.audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
REVOKE ALL ON app.audit_event FROM molt_api;
GRANT SELECT, INSERT ON app.audit_event TO molt_api;
"""


def upgrade() -> None:
    op.execute(IDEMPOTENCY_KEY)
    op.execute(AUDIT_EVENT)
    _run_script(_PROCRASTINATE.read_text())


def downgrade() -> None:
    op.execute("DROP TABLE app.audit_event, app.idempotency_key")
    op.execute("DROP FUNCTION app.refuse_change()")
    op.execute(
        "DROP TABLE app.procrastinate_events, app.procrastinate_periodic_defers, app.procrastinate_jobs,"
        " app.procrastinate_workers CASCADE"
    )


def _run_script(script: str) -> None:
    """Procrastinate names its objects without a schema; its functions find them by the search path of the session."""
    op.execute("SET LOCAL search_path TO app, public")
    connection: Any = op.get_bind().connection.driver_connection
    connection.execute(script)
    op.execute("SET LOCAL search_path TO DEFAULT")
