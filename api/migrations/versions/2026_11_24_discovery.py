"""Votes on series and episodes; what works are ranked by, edition by edition."""

from alembic import op

revision = "app_20261124_discovery"
down_revision = "app_20261124_voting"
branch_labels = None
depends_on = None

SERIES_VOTE = """
CREATE TABLE app.series_vote (
    series_id uuid        NOT NULL,
    number    smallint    NOT NULL,
    voter_id  uuid        NOT NULL,
    side      smallint    NOT NULL,
    cast_at   timestamptz NOT NULL,
    CONSTRAINT series_vote_pkey PRIMARY KEY (series_id, number, voter_id),
    CONSTRAINT series_vote_series_fkey FOREIGN KEY (series_id) REFERENCES app.series (id),
    CONSTRAINT series_vote_voter_fkey FOREIGN KEY (voter_id) REFERENCES app.account (id),
    CONSTRAINT series_vote_of_five_or_all CHECK (number BETWEEN 0 AND 5),
    CONSTRAINT series_vote_up_or_down CHECK (side IN (-1, 1))
);
CREATE INDEX series_vote_voter_idx ON app.series_vote (voter_id, series_id);
COMMENT ON COLUMN app.series_vote.number IS '0: the series; 1 to 5: an episode of it';

CREATE FUNCTION app.owner_of(uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT coalesce(account.owner_id, agent.creator_id, account.id)
    FROM app.account LEFT JOIN app.agent ON agent.account_id = account.id WHERE account.id = $1
$$;
COMMENT ON FUNCTION app.owner_of IS 'The human; of an agent that nobody has claimed, its creator account';

CREATE FUNCTION app.guard_series_vote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM app.series WHERE id = NEW.series_id
                AND app.owner_of(NEW.voter_id) IN (app.owner_of(agent_id), app.owner_of(creator_id))) THEN
    RAISE EXCEPTION 'a series of one''s own' USING ERRCODE = 'MV002';
  END IF;
  NEW.cast_at := clock_timestamp();
  RETURN NEW;
END $$;
CREATE TRIGGER series_vote_guarded BEFORE INSERT OR UPDATE ON app.series_vote
    FOR EACH ROW EXECUTE FUNCTION app.guard_series_vote();
"""

RANK = """
CREATE TABLE app.edition (
    number  bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    made_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT edition_pkey PRIMARY KEY (number)
);
CREATE INDEX edition_made_at_idx ON app.edition (made_at);
COMMENT ON TABLE app.edition IS 'States of the whole ranking: who reads page after page reads one of them';

CREATE TABLE app.work_rank (
    script_id         uuid        NOT NULL,
    from_edition      bigint      NOT NULL,
    to_edition        bigint      NOT NULL DEFAULT 9223372036854775807,
    series_id         uuid,
    genre             text        NOT NULL,
    at                timestamptz NOT NULL,
    up_micro          bigint      NOT NULL,
    down_micro        bigint      NOT NULL,
    tipped_micro_usdc bigint      NOT NULL,
    hot               bigint      NOT NULL,
    new               bigint      NOT NULL,
    top               bigint      NOT NULL,
    rising            bigint      NOT NULL,
    CONSTRAINT work_rank_pkey PRIMARY KEY (script_id, from_edition),
    CONSTRAINT work_rank_script_fkey FOREIGN KEY (script_id) REFERENCES app.script (id),
    CONSTRAINT work_rank_series_fkey FOREIGN KEY (series_id) REFERENCES app.series (id),
    CONSTRAINT work_rank_editions_ordered CHECK (from_edition < to_edition),
    CONSTRAINT work_rank_not_negative CHECK (up_micro >= 0 AND down_micro >= 0 AND tipped_micro_usdc >= 0)
);
CREATE UNIQUE INDEX work_rank_one_now ON app.work_rank (script_id) WHERE to_edition = 9223372036854775807;
CREATE INDEX work_rank_past_idx ON app.work_rank (to_edition) WHERE to_edition < 9223372036854775807;
CREATE INDEX work_rank_hot_idx ON app.work_rank (hot DESC, script_id DESC);
CREATE INDEX work_rank_new_idx ON app.work_rank (new DESC, script_id DESC);
CREATE INDEX work_rank_top_idx ON app.work_rank (top DESC, script_id DESC);
CREATE INDEX work_rank_rising_idx ON app.work_rank (rising DESC, script_id DESC);
COMMENT ON TABLE  app.work_rank IS 'A work is a script, or the series it became; in editions [from, to)';
COMMENT ON COLUMN app.work_rank.hot IS 'In micro-points, as the other three: api/discovery/rules.py';

CREATE TABLE app.rank_due (
    id        bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    script_id uuid   NOT NULL,
    CONSTRAINT rank_due_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE app.rank_due IS 'Works that have changed. Appended, never merged: what commits late is not lost';

CREATE FUNCTION app.rank_soon() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO app.rank_due (script_id)
  SELECT CASE TG_ARGV[0] WHEN 'series_id'
              THEN (SELECT script_id FROM app.series WHERE id = (changed ->> 'series_id')::uuid)
              ELSE (changed ->> TG_ARGV[0])::uuid END
    FROM to_jsonb(coalesce(NEW, OLD)) changed;
  RETURN NULL;
END $$;
CREATE TRIGGER candidate_ranked AFTER INSERT OR UPDATE ON app.candidate
    FOR EACH ROW EXECUTE FUNCTION app.rank_soon('script_id');
CREATE TRIGGER result_ranked AFTER INSERT ON app.result FOR EACH ROW EXECUTE FUNCTION app.rank_soon('script_id');
CREATE TRIGGER series_ranked AFTER INSERT ON app.series FOR EACH ROW EXECUTE FUNCTION app.rank_soon('script_id');
CREATE TRIGGER series_vote_ranked AFTER INSERT OR UPDATE OR DELETE ON app.series_vote
    FOR EACH ROW EXECUTE FUNCTION app.rank_soon('series_id');
CREATE TRIGGER script_ranked AFTER INSERT OR UPDATE OF status ON app.script
    FOR EACH ROW WHEN (NEW.status <> 'draft') EXECUTE FUNCTION app.rank_soon('id');
INSERT INTO app.rank_due (script_id) SELECT id FROM app.script WHERE status <> 'draft';
"""

BACKING = """
CREATE TABLE app.backing (
    series_id  uuid   NOT NULL,
    payer      bytea  NOT NULL,
    micro_usdc bigint NOT NULL,
    CONSTRAINT backing_pkey PRIMARY KEY (series_id, payer),
    CONSTRAINT backing_series_fkey FOREIGN KEY (series_id) REFERENCES app.series (id),
    CONSTRAINT backing_payer_length CHECK (octet_length(payer) = 20),
    CONSTRAINT backing_positive CHECK (micro_usdc > 0)
);
COMMENT ON TABLE app.backing IS 'What each wallet gave a series in tips that count and are final: ranks, not books';

CREATE TABLE app.backing_read (
    chain_id     bigint NOT NULL,
    block_number bigint NOT NULL,
    log_index    bigint NOT NULL,
    CONSTRAINT backing_read_pkey PRIMARY KEY (chain_id)
);
COMMENT ON TABLE app.backing_read IS 'The last tip that is in app.backing';
"""


def upgrade() -> None:
    for tables in (SERIES_VOTE, RANK, BACKING):
        op.execute(tables)


def downgrade() -> None:
    for table in ("result", "candidate", "series", "script"):
        op.execute(f"DROP TRIGGER {table}_ranked ON app.{table}")
    for table in ("backing_read", "backing", "rank_due", "work_rank", "edition", "series_vote"):
        op.execute(f"DROP TABLE app.{table}")
    for function in ("rank_soon()", "guard_series_vote()", "owner_of(uuid)"):
        op.execute(f"DROP FUNCTION app.{function}")
