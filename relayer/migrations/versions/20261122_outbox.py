"""The outbox: requests, the signed attempts at each, and the lane of each key.

Revision ID: relay_20261122
"""

from alembic import op

revision = "relay_20261122"
down_revision = None
branch_labels = None
depends_on = None

LANE = """
CREATE TABLE relay.lane (
    address     bytea       NOT NULL,
    chain_id    bigint      NOT NULL,
    genesis     bytea       NOT NULL,
    next_nonce  bigint      NOT NULL,
    fence       bigint      NOT NULL DEFAULT 0,
    holder      text,
    halted      text,
    alarm       text,
    balance_wei numeric(78, 0),
    seen_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT lane_pkey PRIMARY KEY (address, chain_id),
    CONSTRAINT lane_address_length CHECK (octet_length(address) = 20),
    CONSTRAINT lane_genesis_length CHECK (octet_length(genesis) = 32),
    CONSTRAINT lane_next_nonce_not_negative CHECK (next_nonce >= 0)
);
COMMENT ON TABLE  relay.lane IS 'One sending key on one chain; whoever holds its advisory lock writes its rows';
COMMENT ON COLUMN relay.lane.genesis IS 'Hash of block 0: two chains may share an id, as two runs of a local one do';
COMMENT ON COLUMN relay.lane.next_nonce IS 'The nonce of the next request; never goes back';
COMMENT ON COLUMN relay.lane.fence IS 'Counts leases: a former holder cannot write any more';
COMMENT ON COLUMN relay.lane.holder IS 'Host and process of the last lease';
COMMENT ON COLUMN relay.lane.halted IS 'Why nothing is sent until an operator acts; null when all is well';
COMMENT ON COLUMN relay.lane.alarm IS
    'What an operator should look at soon (balance, fee cap); sending goes on as far as it can';
COMMENT ON COLUMN relay.lane.seen_at IS
    'When the holder last completed a pass: old means no relayer, no RPC or no database';
"""

OUTBOX = """
CREATE TABLE relay.outbox (
    id                  uuid           NOT NULL DEFAULT gen_random_uuid(),
    sequence            bigint         NOT NULL GENERATED ALWAYS AS IDENTITY,
    key_name            text           NOT NULL,
    to_address          bytea          NOT NULL,
    data                bytea          NOT NULL,
    value_wei           numeric(78, 0) NOT NULL DEFAULT 0,
    gas_limit           bigint,
    purpose             text           NOT NULL,
    dedupe_key          text           NOT NULL,
    created_at          timestamptz    NOT NULL DEFAULT now(),
    state               text           NOT NULL DEFAULT 'queued',
    not_before          timestamptz    NOT NULL DEFAULT now(),
    doubted_since       timestamptz,
    sender              bytea,
    chain_id            bigint,
    nonce               bigint,
    tx_hash             bytea,
    block_number        bigint,
    block_hash          bytea,
    gas_used            bigint,
    gas_price_wei       bigint,
    error_code          text,
    error_detail        jsonb,
    settled_at          timestamptz,
    updated_at          timestamptz    NOT NULL DEFAULT now(),
    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_dedupe_key_unique UNIQUE (dedupe_key),
    CONSTRAINT outbox_nonce_once UNIQUE (sender, chain_id, nonce),
    CONSTRAINT outbox_key_name_known CHECK (key_name IN ('relayer', 'registrar', 'faucet')),
    CONSTRAINT outbox_to_address_length CHECK (octet_length(to_address) = 20),
    CONSTRAINT outbox_data_length CHECK (octet_length(data) <= 131072),
    CONSTRAINT outbox_value_uint256 CHECK (value_wei >= 0 AND value_wei < 2::numeric ^ 256),
    CONSTRAINT outbox_gas_limit_range CHECK (gas_limit BETWEEN 21000 AND 30000000),
    CONSTRAINT outbox_purpose_present CHECK (purpose <> ''),
    CONSTRAINT outbox_dedupe_key_length CHECK (length(dedupe_key) BETWEEN 1 AND 200),
    CONSTRAINT outbox_state_known CHECK
        (state IN ('queued', 'signed', 'broadcast', 'mined_ok', 'mined_reverted', 'refused', 'lost')),
    CONSTRAINT outbox_nonce_whole CHECK (num_nulls(sender, chain_id, nonce, tx_hash) IN (0, 4)),
    CONSTRAINT outbox_nonce_when_signed CHECK
        (state = 'refused' OR (state = 'queued') = (nonce IS NULL)),
    CONSTRAINT outbox_block_whole CHECK (num_nulls(block_number, block_hash, gas_used, gas_price_wei) IN (0, 4)),
    CONSTRAINT outbox_block_when_mined CHECK
        (CASE WHEN state IN ('mined_ok', 'mined_reverted') THEN block_number IS NOT NULL
              WHEN state = 'refused' THEN (block_number IS NULL) = (nonce IS NULL)
              ELSE block_number IS NULL END),
    CONSTRAINT outbox_settled_when_known CHECK
        (settled_at IS NULL OR state IN ('mined_ok', 'mined_reverted', 'refused', 'lost'))
);
CREATE INDEX outbox_queued ON relay.outbox (key_name, sequence) WHERE state = 'queued';
CREATE INDEX outbox_unsettled ON relay.outbox (sender, chain_id, nonce) WHERE settled_at IS NULL AND nonce IS NOT NULL;
COMMENT ON TABLE  relay.outbox IS 'One request to act on the chain, and what became of it';
COMMENT ON COLUMN relay.outbox.key_name IS 'Which of our keys acts';
COMMENT ON COLUMN relay.outbox.dedupe_key IS 'Names the act: asking twice for the same act is asking once';
COMMENT ON COLUMN relay.outbox.state IS
    'queued, signed (written; may be out already), broadcast (out, outcome unknown), mined_ok, mined_reverted, '
    'refused (it would revert: never sent, or its nonce went to a no-op), lost (something not ours used its nonce)';
COMMENT ON COLUMN relay.outbox.not_before IS 'Not tried again before';
COMMENT ON COLUMN relay.outbox.doubted_since IS
    'Since when the simulation says it would revert; refused only when it keeps saying so';
COMMENT ON COLUMN relay.outbox.tx_hash IS 'Of the attempt that was mined, else of the newest one';
COMMENT ON COLUMN relay.outbox.error_code IS 'The custom error or the reason, decoded';
COMMENT ON COLUMN relay.outbox.settled_at IS
    'From when the outcome can no longer change: its block is final, or nothing was ever signed';
"""

ATTEMPT = """
CREATE TABLE relay.attempt (
    tx_hash          bytea       NOT NULL,
    outbox_id        uuid,
    sender           bytea       NOT NULL,
    chain_id         bigint      NOT NULL,
    nonce            bigint      NOT NULL,
    kind             text        NOT NULL,
    raw              bytea       NOT NULL,
    gas_limit        bigint      NOT NULL,
    max_fee_wei      bigint      NOT NULL,
    priority_fee_wei bigint      NOT NULL,
    signed_at        timestamptz NOT NULL DEFAULT now(),
    sent_at          timestamptz,
    answer           text,
    CONSTRAINT attempt_pkey PRIMARY KEY (tx_hash),
    CONSTRAINT attempt_outbox_fkey FOREIGN KEY (outbox_id) REFERENCES relay.outbox (id),
    CONSTRAINT attempt_hash_length CHECK (octet_length(tx_hash) = 32),
    CONSTRAINT attempt_sender_length CHECK (octet_length(sender) = 20),
    CONSTRAINT attempt_nonce_not_negative CHECK (nonce >= 0),
    CONSTRAINT attempt_kind_known CHECK (kind IN ('request', 'no_op')),
    CONSTRAINT attempt_request_belongs CHECK (kind = 'no_op' OR outbox_id IS NOT NULL)
);
CREATE INDEX attempt_nonce ON relay.attempt (sender, chain_id, nonce);
COMMENT ON TABLE  relay.attempt IS
    'A signed transaction, written before it was broadcast; of the attempts at a nonce at most one is ever mined';
COMMENT ON COLUMN relay.attempt.outbox_id IS
    'Null for a no-op that only fills a gap left by a nonce we never gave out';
COMMENT ON COLUMN relay.attempt.kind IS
    'request: what was asked for; no_op: nothing, sent to ourselves to free the nonces behind it';
COMMENT ON COLUMN relay.attempt.sent_at IS 'When a node was last given it; null: maybe never';
COMMENT ON COLUMN relay.attempt.answer IS 'What the node said the last time, when it did not take it';
"""

TELL = """
CREATE FUNCTION relay.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_notify('relay_queued', NEW.key_name);
    ELSE
        NEW.updated_at := now();
        PERFORM pg_notify('relay_changed', NEW.id::text);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER outbox_queued_tell BEFORE INSERT ON relay.outbox FOR EACH ROW EXECUTE FUNCTION relay.tell();
CREATE TRIGGER outbox_changed_tell BEFORE UPDATE ON relay.outbox FOR EACH ROW
    WHEN ((OLD.state, OLD.tx_hash, OLD.block_hash, OLD.settled_at)
          IS DISTINCT FROM (NEW.state, NEW.tx_hash, NEW.block_hash, NEW.settled_at))
    EXECUTE FUNCTION relay.tell();
"""

GRANTS = """
GRANT USAGE ON SCHEMA relay TO molt_relayer, molt_api;
REVOKE ALL ON relay.lane, relay.outbox, relay.attempt FROM molt_relayer;
GRANT SELECT, INSERT, UPDATE ON relay.lane, relay.attempt TO molt_relayer;
GRANT SELECT ON relay.outbox TO molt_relayer;
GRANT UPDATE (state, not_before, doubted_since, sender, chain_id, nonce, tx_hash, block_number, block_hash, gas_used,
    gas_price_wei, error_code, error_detail, settled_at, updated_at) ON relay.outbox TO molt_relayer;
GRANT SELECT ON relay.outbox, relay.lane TO molt_api;
GRANT INSERT (key_name, to_address, data, value_wei, gas_limit, purpose, dedupe_key) ON relay.outbox TO molt_api;
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for statements in (LANE, OUTBOX, ATTEMPT, TELL, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    op.execute("DROP TABLE relay.attempt, relay.outbox, relay.lane; DROP FUNCTION relay.tell()")
