"""Humans, agents, the accounts they are paid through, their keys and sessions, their wallets."""

from alembic import op

revision = "app_20261122_accounts"
down_revision = "app_20261122_conventions"
branch_labels = None
depends_on = None

ACCOUNT = """
CREATE TABLE app.account (
    id         uuid        NOT NULL,
    kind       text        NOT NULL,
    owner_id   uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT account_pkey PRIMARY KEY (id),
    CONSTRAINT account_owner_fkey FOREIGN KEY (owner_id) REFERENCES app.account (id),
    CONSTRAINT account_kind_known CHECK (kind IN ('human', 'agent', 'creator')),
    CONSTRAINT account_humans_own_themselves CHECK (kind <> 'human' OR owner_id IS NULL)
);
CREATE INDEX account_owner_idx ON app.account (owner_id) WHERE owner_id IS NOT NULL;
COMMENT ON TABLE  app.account IS 'Whoever can be paid; on-chain its id is bytes32(uint256(uuid))';
COMMENT ON COLUMN app.account.kind IS
    'creator: receives the creator''s share of an agent that registered by itself, until and after it is claimed';
COMMENT ON COLUMN app.account.owner_id IS 'The human; null until claimed';
COMMENT ON COLUMN app.account.deleted_at IS 'From then on nobody can act as it; what it is owed stays its own';
"""

HUMAN = """
CREATE TABLE app.human (
    account_id    uuid        NOT NULL,
    email         text,
    password_hash text,
    display_name  text,
    CONSTRAINT human_pkey PRIMARY KEY (account_id),
    CONSTRAINT human_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT human_email_with_password CHECK ((email IS NULL) = (password_hash IS NULL))
);
CREATE UNIQUE INDEX human_one_per_email ON app.human (lower(email));
COMMENT ON COLUMN app.human.password_hash IS 'argon2id, parameters inside';

CREATE TABLE app.sign_in_wallet (
    address    bytea       NOT NULL,
    account_id uuid        NOT NULL,
    proved_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sign_in_wallet_pkey PRIMARY KEY (address),
    CONSTRAINT sign_in_wallet_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT sign_in_wallet_address_length CHECK (octet_length(address) = 20)
);
CREATE INDEX sign_in_wallet_account_idx ON app.sign_in_wallet (account_id);
COMMENT ON TABLE app.sign_in_wallet IS
    'Addresses that open a human''s account; where money goes is another matter (app.wallet)';

CREATE TABLE app.used_challenge (
    digest     bytea       NOT NULL,
    purpose    text        NOT NULL,
    used_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT used_challenge_pkey PRIMARY KEY (digest),
    CONSTRAINT used_challenge_purpose_known CHECK (purpose IN ('sign_in', 'wallet'))
);
CREATE INDEX used_challenge_expiry_idx ON app.used_challenge (expires_at);
COMMENT ON TABLE  app.used_challenge IS
    'A challenge is a token that we signed: it is remembered only once it was used, until it would expire anyway';
"""

AGENT = """
CREATE TABLE app.agent (
    account_id      uuid        NOT NULL,
    name            text        NOT NULL,
    description     text        NOT NULL DEFAULT '',
    creator_id      uuid        NOT NULL,
    claim_code_hash bytea,
    claimed_at      timestamptz,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_pkey PRIMARY KEY (account_id),
    CONSTRAINT agent_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT agent_creator_fkey FOREIGN KEY (creator_id) REFERENCES app.account (id),
    CONSTRAINT agent_name_form CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_-]{2,31}$'),
    CONSTRAINT agent_description_length CHECK (char_length(description) <= 500),
    CONSTRAINT agent_claimed_or_claimable CHECK ((claimed_at IS NULL) = (claim_code_hash IS NOT NULL))
);
CREATE UNIQUE INDEX agent_one_per_name ON app.agent (lower(name));
CREATE UNIQUE INDEX agent_one_per_claim_code ON app.agent (claim_code_hash);
CREATE INDEX agent_creator_idx ON app.agent (creator_id);
COMMENT ON COLUMN app.agent.creator_id IS
    'Receives the creator''s share: the owner, or a creator account of this agent''s own';
COMMENT ON COLUMN app.agent.claim_code_hash IS 'HMAC of the code by which a human claims it; null once claimed';
"""

CREDENTIALS = """
CREATE TABLE app.session (
    id           uuid        NOT NULL,
    account_id   uuid        NOT NULL,
    token_hash   bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    CONSTRAINT session_pkey PRIMARY KEY (id),
    CONSTRAINT session_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT session_one_per_token UNIQUE (token_hash)
);
CREATE INDEX session_account_idx ON app.session (account_id);
CREATE INDEX session_expiry_idx ON app.session (expires_at);

CREATE TABLE app.api_key (
    id           uuid        NOT NULL,
    account_id   uuid        NOT NULL,
    public_id    text        NOT NULL,
    secret_hash  bytea       NOT NULL,
    pepper       text        NOT NULL,
    label        text        NOT NULL DEFAULT '',
    scopes       text[]      NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    rotated_from uuid,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT api_key_rotated_from_fkey FOREIGN KEY (rotated_from) REFERENCES app.api_key (id),
    CONSTRAINT api_key_one_per_public_id UNIQUE (public_id),
    CONSTRAINT api_key_public_id_form CHECK (public_id ~ '^[0-9A-Za-z]{8}$'),
    CONSTRAINT api_key_secret_hash_length CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT api_key_a_year_at_most CHECK (expires_at <= created_at + interval '366 days')
);
CREATE INDEX api_key_account_idx ON app.api_key (account_id, created_at DESC, id DESC);
COMMENT ON COLUMN app.api_key.secret_hash IS
    'HMAC-SHA-256 of the secret under the named pepper: the key itself is shown once';
COMMENT ON COLUMN app.api_key.expires_at IS 'Brought forward to the end of the overlap when it is rotated';
COMMENT ON COLUMN app.api_key.rotated_from IS 'The key that this one replaces';
COMMENT ON COLUMN app.api_key.last_used_at IS 'To the minute';
"""

WALLET = """
CREATE TABLE app.wallet (
    id               uuid        NOT NULL,
    account_id       uuid        NOT NULL,
    chain_id         bigint      NOT NULL,
    address          bytea       NOT NULL,
    kind             text        NOT NULL,
    consent_nonce    numeric(78) NOT NULL,
    deadline         bigint      NOT NULL,
    signature        bytea       NOT NULL,
    cosignature      bytea       NOT NULL DEFAULT '',
    outbox_id        uuid,
    deploy_outbox_id uuid,
    requested_by     uuid        NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT wallet_pkey PRIMARY KEY (id),
    CONSTRAINT wallet_account_fkey FOREIGN KEY (account_id) REFERENCES app.account (id),
    CONSTRAINT wallet_kind_known CHECK (kind IN ('register', 'rotate')),
    CONSTRAINT wallet_address_length CHECK (octet_length(address) = 20)
);
CREATE INDEX wallet_account_idx ON app.wallet (account_id, created_at DESC, id DESC);
CREATE INDEX wallet_undeployed_idx ON app.wallet (created_at) WHERE outbox_id IS NULL;
COMMENT ON TABLE  app.wallet IS
    'Wallets that were proved to us and sent to the registry; where one stands, the ledger says';
COMMENT ON COLUMN app.wallet.signature IS 'The consent, as the contract takes it';
COMMENT ON COLUMN app.wallet.cosignature IS
    'Of the old wallet, which lets a rotation take effect at once; empty without';
COMMENT ON COLUMN app.wallet.outbox_id IS
    'The transaction of `register` or `rotate`; null while the wallet is deployed';
COMMENT ON COLUMN app.wallet.deploy_outbox_id IS 'The transaction that deploys an ERC-6492 wallet';
"""


def upgrade() -> None:
    for tables in (ACCOUNT, HUMAN, AGENT, CREDENTIALS, WALLET):
        op.execute(tables)


def downgrade() -> None:
    for table in (
        "wallet",
        "api_key",
        "session",
        "agent",
        "used_challenge",
        "sign_in_wallet",
        "human",
        "account",
    ):
        op.execute(f"DROP TABLE app.{table}")
