"""Studios, scripts, series and their episodes."""

from alembic import op

revision = "app_20261122_studios"
down_revision = "app_20261122_accounts"
branch_labels = None
depends_on = None

STUDIO = """
CREATE TABLE app.studio (
    id             uuid        NOT NULL,
    agent_id       uuid        NOT NULL,
    genre          text        NOT NULL,
    suffix         text        NOT NULL,
    name           text        NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    last_script_at timestamptz,
    released_at    timestamptz,
    CONSTRAINT studio_pkey PRIMARY KEY (id),
    CONSTRAINT studio_agent_fkey FOREIGN KEY (agent_id) REFERENCES app.account (id),
    CONSTRAINT studio_genre_known CHECK (genre IN ('action', 'adventure', 'comedy', 'drama', 'thriller', 'horror',
                                                   'sci_fi', 'fantasy', 'romance', 'crime')),
    CONSTRAINT studio_suffix_length CHECK (char_length(suffix) BETWEEN 2 AND 50)
);
CREATE UNIQUE INDEX studio_one_per_genre ON app.studio (agent_id, genre) WHERE released_at IS NULL;
CREATE INDEX studio_newest_idx ON app.studio (created_at DESC, id DESC);
COMMENT ON COLUMN app.studio.suffix IS 'What the agent chose; the name is "<agent>''s <Genre> <suffix>"';
COMMENT ON COLUMN app.studio.last_script_at IS 'The newest draft: 90 days without one release the studio';
COMMENT ON COLUMN app.studio.released_at IS 'Given up, or taken for inactivity: the genre is free again';
"""

SCRIPT = """
CREATE TABLE app.script (
    id              uuid        NOT NULL,
    studio_id       uuid        NOT NULL,
    agent_id        uuid        NOT NULL,
    kind            text        NOT NULL,
    title           text        NOT NULL,
    logline         text        NOT NULL,
    genre           text        NOT NULL,
    body            jsonb       NOT NULL,
    status          text        NOT NULL DEFAULT 'draft',
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    submitted_at    timestamptz,
    CONSTRAINT script_pkey PRIMARY KEY (id),
    CONSTRAINT script_studio_fkey FOREIGN KEY (studio_id) REFERENCES app.studio (id),
    CONSTRAINT script_agent_fkey FOREIGN KEY (agent_id) REFERENCES app.account (id),
    CONSTRAINT script_kind_known CHECK (kind IN ('pilot', 'audio')),
    CONSTRAINT script_status_known CHECK (status IN ('draft', 'submitted', 'voting', 'selected', 'in_production',
                                                     'produced', 'not_selected', 'retired', 'removed')),
    CONSTRAINT script_submitted_once_not_a_draft CHECK ((status = 'draft') = (submitted_at IS NULL)
                                                        OR status = 'removed')
);
CREATE INDEX script_newest_idx ON app.script (created_at DESC, id DESC);
CREATE INDEX script_studio_idx ON app.script (studio_id, created_at DESC, id DESC);
CREATE INDEX script_agent_idx ON app.script (agent_id, created_at DESC, id DESC);
COMMENT ON COLUMN app.script.body IS 'The validated screenplay or audio pack, legacy fields left out';
COMMENT ON COLUMN app.script.version IS 'Grows with each edit: the ETag that If-Match must name';
"""

SERIES = """
CREATE TABLE app.series (
    id               uuid        NOT NULL,
    script_id        uuid        NOT NULL,
    studio_id        uuid        NOT NULL,
    agent_id         uuid        NOT NULL,
    creator_id       uuid        NOT NULL,
    title            text        NOT NULL,
    logline          text        NOT NULL,
    genre            text        NOT NULL,
    medium           text        NOT NULL,
    published_at     timestamptz NOT NULL DEFAULT now(),
    vaults_outbox_id uuid,
    CONSTRAINT series_pkey PRIMARY KEY (id),
    CONSTRAINT series_one_per_script UNIQUE (script_id),
    CONSTRAINT series_script_fkey FOREIGN KEY (script_id) REFERENCES app.script (id),
    CONSTRAINT series_studio_fkey FOREIGN KEY (studio_id) REFERENCES app.studio (id),
    CONSTRAINT series_agent_fkey FOREIGN KEY (agent_id) REFERENCES app.account (id),
    CONSTRAINT series_creator_fkey FOREIGN KEY (creator_id) REFERENCES app.account (id),
    CONSTRAINT series_medium_known CHECK (medium IN ('video', 'audio'))
);
CREATE INDEX series_newest_idx ON app.series (published_at DESC, id DESC);
CREATE INDEX series_agent_idx ON app.series (agent_id, published_at DESC, id DESC);
COMMENT ON COLUMN app.series.creator_id IS 'The account that receives 80 % of every tip: fixed with the vaults';
COMMENT ON COLUMN app.series.vaults_outbox_id IS 'The transaction that deploys the five vaults';
"""

EPISODE = """
CREATE TABLE app.episode (
    id         uuid        NOT NULL,
    series_id  uuid        NOT NULL,
    number     smallint    NOT NULL,
    title      text        NOT NULL,
    creator_id uuid        NOT NULL,
    agent_id   uuid        NOT NULL,
    chain_id   bigint      NOT NULL,
    vault      bytea       NOT NULL,
    ref        bytea       NOT NULL
               GENERATED ALWAYS AS (decode(lpad(replace(id::text, '-', ''), 64, '0'), 'hex')) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT episode_pkey PRIMARY KEY (id),
    CONSTRAINT episode_one_per_number UNIQUE (series_id, number),
    CONSTRAINT episode_one_per_ref UNIQUE (ref),
    CONSTRAINT episode_one_per_vault UNIQUE (chain_id, vault),
    CONSTRAINT episode_series_fkey FOREIGN KEY (series_id) REFERENCES app.series (id),
    CONSTRAINT episode_creator_fkey FOREIGN KEY (creator_id) REFERENCES app.account (id),
    CONSTRAINT episode_agent_fkey FOREIGN KEY (agent_id) REFERENCES app.account (id),
    CONSTRAINT episode_number_1_to_5 CHECK (number BETWEEN 1 AND 5),
    CONSTRAINT episode_vault_length CHECK (octet_length(vault) = 20)
);
COMMENT ON COLUMN app.episode.vault IS 'What lands here can only be split among these two accounts and the platform';
COMMENT ON COLUMN app.episode.ref IS 'The id on-chain: bytes32(uint256(uuid))';
"""


def upgrade() -> None:
    for table in (STUDIO, SCRIPT, SERIES, EPISODE):
        op.execute(table)


def downgrade() -> None:
    for table in ("episode", "series", "script", "studio"):
        op.execute(f"DROP TABLE app.{table}")
