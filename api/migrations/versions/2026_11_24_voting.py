"""Periods of voting, who may vote in them, votes, their results; karma."""

from alembic import op

revision = "app_20261124_voting"
down_revision = "app_20261124_payment_kinds"
branch_labels = None
depends_on = None

CLOCK = """
CREATE TABLE app.clock_shift (
    id    boolean  NOT NULL DEFAULT true,
    shift interval NOT NULL,
    CONSTRAINT clock_shift_pkey PRIMARY KEY (id),
    CONSTRAINT clock_shift_one_row CHECK (id),
    CONSTRAINT clock_shift_on_scratch_databases CHECK (current_database() ~ '^(scratch|test|sim)_')
);
COMMENT ON TABLE app.clock_shift IS 'Moves the clock of voting, for rehearsals: only where the database is scratch';
REVOKE ALL ON app.clock_shift FROM molt_api;
GRANT SELECT ON app.clock_shift TO molt_api;

CREATE FUNCTION app.clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    $$ SELECT clock_timestamp() + coalesce((SELECT shift FROM app.clock_shift), interval '0') $$;
COMMENT ON FUNCTION app.clock() IS 'The time that periods go by: the database''s, at this very moment';
"""

PERIOD = """
CREATE TABLE app.period (
    id        uuid        NOT NULL,
    number    integer     NOT NULL GENERATED ALWAYS AS IDENTITY,
    opens_at  timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    closed_at timestamptz,
    CONSTRAINT period_pkey PRIMARY KEY (id),
    CONSTRAINT period_one_per_number UNIQUE (number),
    CONSTRAINT period_has_length CHECK (opens_at < closes_at),
    CONSTRAINT period_closed_after_its_end CHECK (closed_at >= closes_at),
    CONSTRAINT period_one_at_a_time EXCLUDE USING gist (tstzrange(opens_at, closes_at) WITH &&)
);
CREATE UNIQUE INDEX period_one_open ON app.period ((true)) WHERE closed_at IS NULL;
COMMENT ON COLUMN app.period.closed_at IS 'When it was counted; votes ended at closes_at';

CREATE TABLE app.voter (
    period_id    uuid    NOT NULL,
    account_id   uuid    NOT NULL,
    cluster      integer NOT NULL,
    weight_micro integer NOT NULL,
    CONSTRAINT voter_pkey PRIMARY KEY (period_id, account_id),
    CONSTRAINT voter_period_fkey FOREIGN KEY (period_id) REFERENCES app.period (id),
    CONSTRAINT voter_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT voter_weight_bounds CHECK (weight_micro BETWEEN 200000 AND 3000000)
);
COMMENT ON TABLE  app.voter IS 'Who may vote in a period, fixed when it opened';
COMMENT ON COLUMN app.voter.cluster IS 'Accounts of one owner or one wallet share it; the label means nothing else';
COMMENT ON COLUMN app.voter.weight_micro IS 'In micro-votes, from the karma at the opening';

CREATE TABLE app.candidate (
    period_id      uuid        NOT NULL,
    script_id      uuid        NOT NULL,
    genre          text        NOT NULL,
    author_id      uuid        NOT NULL,
    author_cluster integer     NOT NULL,
    submitted_at   timestamptz NOT NULL,
    nth            smallint    NOT NULL,
    up             integer     NOT NULL DEFAULT 0,
    down           integer     NOT NULL DEFAULT 0,
    CONSTRAINT candidate_pkey PRIMARY KEY (period_id, script_id),
    CONSTRAINT candidate_once_per_turn UNIQUE (script_id, nth),
    CONSTRAINT candidate_period_fkey FOREIGN KEY (period_id) REFERENCES app.period (id),
    CONSTRAINT candidate_script_fkey FOREIGN KEY (script_id) REFERENCES app.script (id),
    CONSTRAINT candidate_author_fkey FOREIGN KEY (author_id) REFERENCES app.account (id),
    CONSTRAINT candidate_three_periods CHECK (nth BETWEEN 1 AND 3),
    CONSTRAINT candidate_counts CHECK (up >= 0 AND down >= 0)
);
COMMENT ON TABLE  app.candidate IS 'The scripts that a period decides on, fixed when it opened';
COMMENT ON COLUMN app.candidate.up IS 'Accounts that vote it up now, unweighted: kept by a trigger of app.vote';
"""

VOTE = """
CREATE TABLE app.vote (
    period_id uuid        NOT NULL,
    script_id uuid        NOT NULL,
    voter_id  uuid        NOT NULL,
    side      smallint    NOT NULL,
    cast_at   timestamptz NOT NULL,
    CONSTRAINT vote_pkey PRIMARY KEY (period_id, script_id, voter_id),
    CONSTRAINT vote_candidate_fkey FOREIGN KEY (period_id, script_id) REFERENCES app.candidate (period_id, script_id),
    CONSTRAINT vote_voter_fkey FOREIGN KEY (period_id, voter_id) REFERENCES app.voter (period_id, account_id),
    CONSTRAINT vote_up_or_down CHECK (side IN (-1, 1))
);
CREATE INDEX vote_voter_idx ON app.vote (voter_id, period_id);
COMMENT ON COLUMN app.vote.cast_at IS 'When it was last changed; set by the database';

CREATE FUNCTION app.guard_vote() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  of_period app.period;
  at timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('app.period:' || coalesce(NEW.period_id, OLD.period_id), 0));
  SELECT * INTO of_period FROM app.period WHERE id = coalesce(NEW.period_id, OLD.period_id);
  at := app.clock();
  IF of_period.closed_at IS NOT NULL OR at >= of_period.closes_at OR at < of_period.opens_at THEN
    RAISE EXCEPTION 'voting ended at %', of_period.closes_at USING ERRCODE = 'MV001';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  IF EXISTS (SELECT FROM app.candidate JOIN app.voter USING (period_id)
              WHERE period_id = NEW.period_id AND script_id = NEW.script_id AND account_id = NEW.voter_id
                AND cluster = author_cluster) THEN
    RAISE EXCEPTION 'a script of one''s own' USING ERRCODE = 'MV002';
  END IF;
  NEW.cast_at := at;
  RETURN NEW;
END $$;
CREATE TRIGGER vote_guarded BEFORE INSERT OR UPDATE OR DELETE ON app.vote
    FOR EACH ROW EXECUTE FUNCTION app.guard_vote();

CREATE FUNCTION app.count_vote() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ups integer := 0;
  downs integer := 0;
BEGIN
  IF TG_OP <> 'DELETE' THEN
    ups := (NEW.side = 1)::int; downs := (NEW.side = -1)::int;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    ups := ups - (OLD.side = 1)::int; downs := downs - (OLD.side = -1)::int;
  END IF;
  IF ups <> 0 OR downs <> 0 THEN
    UPDATE app.candidate SET up = up + ups, down = down + downs
     WHERE period_id = coalesce(NEW.period_id, OLD.period_id) AND script_id = coalesce(NEW.script_id, OLD.script_id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER vote_counted AFTER INSERT OR UPDATE OR DELETE ON app.vote
    FOR EACH ROW EXECUTE FUNCTION app.count_vote();

CREATE FUNCTION app.guard_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('app.period:' || OLD.id, 0));
  IF OLD.closed_at IS NOT NULL OR (NEW.id, NEW.opens_at, NEW.closes_at) <> (OLD.id, OLD.opens_at, OLD.closes_at) THEN
    RAISE EXCEPTION 'a period is closed once, and never moved' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF app.clock() < NEW.closed_at THEN
    RAISE EXCEPTION 'the period is not over' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION app.guard_period() IS 'Waits for the votes that are being cast; those after it find it closed';
CREATE TRIGGER period_guarded BEFORE UPDATE ON app.period FOR EACH ROW EXECUTE FUNCTION app.guard_period();
REVOKE DELETE, TRUNCATE ON app.period, app.voter, app.candidate FROM molt_api;
REVOKE UPDATE ON app.voter FROM molt_api;
"""

RESULT = """
CREATE TABLE app.voice (
    period_id    uuid     NOT NULL,
    script_id    uuid     NOT NULL,
    cluster      integer  NOT NULL,
    side         smallint NOT NULL,
    weight_micro integer  NOT NULL,
    voters       integer  NOT NULL,
    ring         integer,
    CONSTRAINT voice_pkey PRIMARY KEY (period_id, script_id, cluster),
    CONSTRAINT voice_candidate_fkey FOREIGN KEY (period_id, script_id) REFERENCES app.candidate (period_id, script_id)
);
COMMENT ON TABLE app.voice IS 'What each cluster said, as it was counted: published with the result';
COMMENT ON COLUMN app.voice.ring IS 'Counted together with the others of this number: √Σw²';

CREATE TABLE app.result (
    period_id  uuid     NOT NULL,
    script_id  uuid     NOT NULL,
    genre      text     NOT NULL,
    up_micro   bigint   NOT NULL,
    down_micro bigint   NOT NULL,
    voices     integer  NOT NULL,
    score      double precision NOT NULL,
    has_quorum boolean  NOT NULL,
    place      smallint NOT NULL,
    selected   boolean  NOT NULL,
    CONSTRAINT result_pkey PRIMARY KEY (period_id, script_id),
    CONSTRAINT result_candidate_fkey FOREIGN KEY (period_id, script_id) REFERENCES app.candidate (period_id, script_id),
    CONSTRAINT result_selected_with_quorum CHECK (has_quorum OR NOT selected)
);
CREATE UNIQUE INDEX result_one_per_genre ON app.result (period_id, genre) WHERE selected;
CREATE UNIQUE INDEX result_one_per_place ON app.result (period_id, genre, place);
CREATE UNIQUE INDEX result_selected_once ON app.result (script_id) WHERE selected;

CREATE TABLE app.ring (
    id         uuid        NOT NULL,
    period_id  uuid        NOT NULL,
    number     integer     NOT NULL,
    kind       text        NOT NULL,
    evidence   jsonb       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    state      text        NOT NULL DEFAULT 'open',
    reason     text,
    decided_at timestamptz,
    CONSTRAINT ring_pkey PRIMARY KEY (id),
    CONSTRAINT ring_one_per_number UNIQUE (period_id, number),
    CONSTRAINT ring_period_fkey FOREIGN KEY (period_id) REFERENCES app.period (id),
    CONSTRAINT ring_kind_known CHECK (kind IN ('contest', 'author', 'burst')),
    CONSTRAINT ring_state_known CHECK (state IN ('open', 'confirmed', 'dismissed')),
    CONSTRAINT ring_decided CHECK ((state = 'open') = (decided_at IS NULL) AND (state = 'open') = (reason IS NULL))
);
COMMENT ON TABLE app.ring IS 'Suspected to vote together; its evidence is for operators';

CREATE TABLE app.ring_member (
    ring_id    uuid NOT NULL,
    account_id uuid NOT NULL,
    CONSTRAINT ring_member_pkey PRIMARY KEY (ring_id, account_id),
    CONSTRAINT ring_member_ring_fkey FOREIGN KEY (ring_id) REFERENCES app.ring (id),
    CONSTRAINT ring_member_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id)
);
CREATE INDEX ring_member_account_idx ON app.ring_member (account_id);
"""

KARMA = """
ALTER TABLE app.account ADD COLUMN karma numeric(12, 2) NOT NULL DEFAULT 0;
COMMENT ON COLUMN app.account.karma IS 'The sum of its karma events: kept by a trigger of app.karma_event';

CREATE TABLE app.karma_event (
    id         bigint        NOT NULL GENERATED ALWAYS AS IDENTITY,
    account_id uuid          NOT NULL,
    kind       text          NOT NULL,
    subject    text          NOT NULL,
    points     numeric(6, 2) NOT NULL,
    at         timestamptz   NOT NULL,
    CONSTRAINT karma_event_pkey PRIMARY KEY (id),
    CONSTRAINT karma_event_once UNIQUE (account_id, kind, subject),
    CONSTRAINT karma_event_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT karma_event_kind_known
        CHECK (kind IN ('participation', 'author', 'selected', 'delivered', 'removed', 'ring'))
);
COMMENT ON TABLE  app.karma_event IS 'Append-only; karma is their sum';
COMMENT ON COLUMN app.karma_event.subject IS 'What it is for: each is rewarded once';

CREATE FUNCTION app.count_karma() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE app.account SET karma = karma + NEW.points WHERE id = NEW.account_id;
  RETURN NULL;
END $$;
CREATE TRIGGER karma_event_counted AFTER INSERT ON app.karma_event FOR EACH ROW EXECUTE FUNCTION app.count_karma();
"""

APPEND_ONLY = """
CREATE TRIGGER {0}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON app.{0}
    FOR EACH STATEMENT EXECUTE FUNCTION app.refuse_change();
REVOKE ALL ON app.{0} FROM molt_api;
GRANT SELECT, INSERT ON app.{0} TO molt_api;
"""


def upgrade() -> None:
    for tables in (CLOCK, PERIOD, VOTE, RESULT, KARMA):
        op.execute(tables)
    for table in ("voice", "result", "karma_event"):
        op.execute(APPEND_ONLY.format(table))


def downgrade() -> None:
    op.execute("ALTER TABLE app.account DROP COLUMN karma")
    for table in ("karma_event", "ring_member", "ring", "result", "voice", "vote", "candidate", "voter", "period"):
        op.execute(f"DROP TABLE app.{table}")
    for function in ("count_karma", "guard_period", "count_vote", "guard_vote", "clock"):
        op.execute(f"DROP FUNCTION app.{function}()")
    op.execute("DROP TABLE app.clock_shift")
