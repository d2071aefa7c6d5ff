-- What was decided and has yet to be told: the outbox, and who has heard already. Neither refers to `apps`: every
-- commit writes here, and all would lock the one row of their app. The app's scope is the row's policy.

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    app_id uuid NOT NULL,
    event_id uuid NOT NULL,
    -- 'realtime' or 'job'.
    sink text NOT NULL CHECK (sink IN ('realtime', 'job')),
    -- hash(channel) mod lanes: within a lane rows are published in the order of their ids.
    lane smallint NOT NULL,
    -- Routing key of a job, such as 'chat.message.sent'; '' for realtime.
    topic text NOT NULL,
    payload text NOT NULL,
    created_at timestamptz NOT NULL,
    -- The embedded queue's lease and retry ladder.
    available_at timestamptz NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    last_error text,
    -- Set when all attempts failed: the dead-letter queue.
    dead_at timestamptz,
    PRIMARY KEY (app_id, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0);
-- Payloads live for milliseconds: compressed cheaply, where the server is built with it.
DO $$ BEGIN
    ALTER TABLE outbox ALTER payload SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;
-- What a relay publishes next.
CREATE INDEX outbox_realtime ON outbox (id) WHERE sink = 'realtime' AND dead_at IS NULL;
-- What a worker, or the relay to RabbitMQ, claims next.
CREATE INDEX outbox_jobs ON outbox (available_at, id) WHERE sink = 'job' AND dead_at IS NULL;
-- The dead-letter queue.
CREATE INDEX outbox_dead ON outbox (dead_at, id) WHERE dead_at IS NOT NULL;
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON outbox USING (app_id = parlor_current_app() OR parlor_is_system());

CREATE TABLE inbox (
    app_id uuid NOT NULL,
    consumer text COLLATE "C" NOT NULL,
    event_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, consumer, event_id)
);
-- Purge by age.
CREATE INDEX inbox_by_age ON inbox (created_at);
ALTER TABLE inbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE inbox FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON inbox USING (app_id = parlor_current_app() OR parlor_is_system());

CREATE TABLE idempotency_keys (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    -- SHA-256 of caller and key.
    key bytea NOT NULL,
    -- SHA-256 of method, path and body: the same key with another request is refused.
    request bytea NOT NULL,
    -- NULL while the first request is still being worked on.
    status smallint,
    body text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, key)
);
-- Purge by age.
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys USING (app_id = parlor_current_app() OR parlor_is_system());

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, inbox, idempotency_keys TO parlor_app;
