-- Reactions and pins. Each is a row of its own table, and shown by its message: what readers of a timeline see is kept in
-- the message's row, written under the channel's lock in the transaction that changes the rows, so the two can't differ.

ALTER TABLE messages
    -- How often each type was used, in the order of first use: [{"type", "count", "score"}]. NULL for none.
    ADD COLUMN reactions jsonb,
    -- {"at", "by", "expires_at"}. NULL while the message is not pinned; one that has expired counts as none.
    ADD COLUMN pinned jsonb;

CREATE TABLE reactions (
    app_id uuid NOT NULL,
    message_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    score integer NOT NULL CHECK (score BETWEEN 1 AND 1000),
    -- The channel's `seq` of the change that made it: the order of reactions.
    seq bigint NOT NULL,
    created_at timestamptz NOT NULL,
    -- What a user has on some messages, and each of them.
    PRIMARY KEY (app_id, message_id, user_id, kind),
    FOREIGN KEY (app_id, message_id) REFERENCES messages (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
-- Who reacted to a message, newest first.
CREATE INDEX reactions_by_seq ON reactions (app_id, message_id, seq);
-- The same with one type: a message may have many of another.
CREATE INDEX reactions_by_kind ON reactions (app_id, message_id, kind, seq);
ALTER TABLE reactions ENABLE ROW LEVEL SECURITY;
ALTER TABLE reactions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reactions USING (app_id = parlor_current_app());

CREATE TABLE pins (
    app_id uuid NOT NULL,
    message_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (app_id, message_id),
    FOREIGN KEY (app_id, message_id) REFERENCES messages (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE
);
-- A channel's pins, newest first, and how many there are.
CREATE INDEX pins_by_channel ON pins (app_id, channel_id, created_at, message_id);
-- What has expired, of all tenants.
CREATE INDEX pins_by_end ON pins (expires_at) WHERE expires_at IS NOT NULL;
ALTER TABLE pins ENABLE ROW LEVEL SECURITY;
ALTER TABLE pins FORCE ROW LEVEL SECURITY;
-- Pins with an end are a queue: who clears them knows no tenant before.
CREATE POLICY tenant ON pins
    USING (app_id = parlor_current_app() OR (parlor_is_system() AND expires_at IS NOT NULL));

GRANT SELECT, INSERT, UPDATE, DELETE ON reactions, pins TO parlor_app;
