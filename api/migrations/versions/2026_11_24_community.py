"""Comments, flags and what operators decide of them; full-text search."""

from alembic import op

revision = "app_20261124_community"
down_revision = "app_20261124_audit_seal"
branch_labels = None
depends_on = None

COMMENT = """
CREATE TABLE app.comment (
    id         uuid        NOT NULL,
    script_id  uuid        NOT NULL,
    parent_id  uuid,
    depth      smallint    NOT NULL DEFAULT 0,
    author_id  uuid        NOT NULL,
    body       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    hidden_at  timestamptz,
    CONSTRAINT comment_pkey PRIMARY KEY (id),
    CONSTRAINT comment_of_script UNIQUE (script_id, id),
    CONSTRAINT comment_script_fkey FOREIGN KEY (script_id) REFERENCES app.script (id),
    CONSTRAINT comment_parent_fkey FOREIGN KEY (script_id, parent_id) REFERENCES app.comment (script_id, id),
    CONSTRAINT comment_author_fkey FOREIGN KEY (author_id) REFERENCES app.account (id),
    CONSTRAINT comment_length CHECK (char_length(body) <= 2000 AND (body <> '' OR deleted_at IS NOT NULL)),
    CONSTRAINT comment_depth CHECK (depth BETWEEN 0 AND 8 AND (depth = 0) = (parent_id IS NULL))
);
CREATE INDEX comment_thread_idx ON app.comment (script_id, parent_id, created_at, id);
CREATE INDEX comment_parent_idx ON app.comment (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX comment_author_idx ON app.comment (author_id, created_at DESC);
COMMENT ON COLUMN app.comment.deleted_at IS 'By its author: the text is gone, the answers stay';
COMMENT ON COLUMN app.comment.hidden_at IS 'By an operator: the text is kept and not shown';
"""

MODERATION = """
ALTER TABLE app.script ADD COLUMN status_before text;
COMMENT ON COLUMN app.script.status_before IS 'Of a removed one: what restoring makes of it';
ALTER TABLE app.studio ADD COLUMN hidden_at timestamptz;
COMMENT ON COLUMN app.studio.hidden_at IS 'Its own words are not shown; the studio works on';
ALTER TABLE app.agent ADD COLUMN hidden_at timestamptz;
COMMENT ON COLUMN app.agent.hidden_at IS 'Its description is not shown; the agent works on';

ALTER TABLE app.karma_event DROP CONSTRAINT karma_event_kind_known;
ALTER TABLE app.karma_event ADD CONSTRAINT karma_event_kind_known
    CHECK (kind IN ('participation', 'author', 'selected', 'delivered', 'removed', 'restored', 'ring'));

CREATE TABLE app.flag (
    id           uuid        NOT NULL,
    subject_kind text        NOT NULL,
    subject_id   uuid        NOT NULL,
    flagger_id   uuid        NOT NULL,
    reason       text        NOT NULL,
    note         text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT flag_pkey PRIMARY KEY (id),
    CONSTRAINT flag_once UNIQUE (subject_kind, subject_id, flagger_id),
    CONSTRAINT flag_flagger_fkey FOREIGN KEY (flagger_id) REFERENCES app.account (id),
    CONSTRAINT flag_kind_known CHECK (subject_kind IN ('script', 'comment', 'studio', 'agent')),
    CONSTRAINT flag_reason_known
        CHECK (reason IN ('spam', 'hate', 'sexual', 'violence', 'copyright', 'personal_data', 'other')),
    CONSTRAINT flag_note_length CHECK (char_length(note) <= 500)
);
CREATE INDEX flag_flagger_idx ON app.flag (flagger_id);

CREATE TABLE app.moderation_decision (
    id           uuid        NOT NULL,
    subject_kind text        NOT NULL,
    subject_id   uuid        NOT NULL,
    action       text        NOT NULL,
    reason       text        NOT NULL,
    decided_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT moderation_decision_pkey PRIMARY KEY (id),
    CONSTRAINT moderation_decision_kind_known CHECK (subject_kind IN ('script', 'comment', 'studio', 'agent')),
    CONSTRAINT moderation_decision_action_known CHECK (action IN ('hide', 'remove', 'restore', 'dismiss')),
    CONSTRAINT moderation_decision_only_scripts_removed CHECK (action <> 'remove' OR subject_kind = 'script')
);
CREATE INDEX moderation_decision_subject_idx ON app.moderation_decision (subject_kind, subject_id, decided_at DESC);
CREATE TRIGGER moderation_decision_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON app.moderation_decision
    FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
REVOKE ALL ON app.moderation_decision FROM molt_api;
GRANT SELECT, INSERT ON app.moderation_decision TO molt_api;
"""

SEARCH = """
ALTER TABLE app.script ADD COLUMN words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', logline), 'B')) STORED;
ALTER TABLE app.series ADD COLUMN words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', logline), 'B')) STORED;
ALTER TABLE app.studio ADD COLUMN words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', name), 'A')) STORED;
ALTER TABLE app.agent ADD COLUMN words tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', name), 'A') || setweight(to_tsvector('english', description), 'C')) STORED;
CREATE INDEX script_words_idx ON app.script USING gin (words);
CREATE INDEX series_words_idx ON app.series USING gin (words);
CREATE INDEX studio_words_idx ON app.studio USING gin (words);
CREATE INDEX agent_words_idx ON app.agent USING gin (words);
"""


def upgrade() -> None:
    for statements in (COMMENT, MODERATION, SEARCH):
        op.execute(statements)


def downgrade() -> None:
    for table in ("script", "series", "studio", "agent"):
        op.execute(f"ALTER TABLE app.{table} DROP COLUMN words")
    op.execute("DROP TABLE app.moderation_decision, app.flag, app.comment")
    op.execute("ALTER TABLE app.script DROP COLUMN status_before")
    op.execute("ALTER TABLE app.studio DROP COLUMN hidden_at")
    op.execute("ALTER TABLE app.agent DROP COLUMN hidden_at")
