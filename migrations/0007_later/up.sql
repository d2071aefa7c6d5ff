-- What is for later: drafts, messages to be sent at a time, reminders of messages, and the queue of what is due when.

CREATE TABLE drafts (
    app_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    channel_id uuid NOT NULL,
    -- The root of the thread; for the main timeline the channel itself, because a key has no NULL.
    place uuid NOT NULL,
    -- Text, attachments, mentions, custom data and what is quoted, as they came. NULL once it was deleted.
    content jsonb,
    -- The user's own `seq` of this row's last change.
    user_seq bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Kept for a while after the end, so that other devices can be told by `user_seq`.
    deleted_at timestamptz,
    PRIMARY KEY (app_id, user_id, channel_id, place),
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    CHECK ((content IS NULL) = (deleted_at IS NOT NULL))
);
-- A user's drafts, the last changed first, and those that changed after a seq.
CREATE INDEX drafts_by_change ON drafts (app_id, user_id, user_seq);
-- Purge by age.
CREATE INDEX drafts_deleted ON drafts (deleted_at) WHERE deleted_at IS NOT NULL;
ALTER TABLE drafts ENABLE ROW LEVEL SECURITY;
ALTER TABLE drafts FORCE ROW LEVEL SECURITY;
-- The purge sees what is over of all apps, of which nothing is left to read.
CREATE POLICY tenant ON drafts USING
    (app_id = parlor_current_app() OR (parlor_is_system() AND deleted_at IS NOT NULL));

CREATE TABLE scheduled_messages (
    app_id uuid NOT NULL,
    -- Of the client's making; the message has the same.
    id uuid NOT NULL,
    channel_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    -- The customer's server speaks for the user: no membership is asked for.
    by_server boolean NOT NULL,
    send_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'cancelled')),
    -- Code of the error table, where it failed.
    error text,
    -- What is to be sent, as it came. NULL once it is a message, or was cancelled.
    content jsonb,
    -- First eight bytes of the SHA-256 of what was asked for at first, to tell a retry from a reused id.
    fingerprint bigint NOT NULL,
    -- The user's own `seq` of this row's last change.
    user_seq bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, id),
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    CHECK ((content IS NULL) = (state IN ('sent', 'cancelled')))
-- That a message is being sent changes nothing that is indexed: with room in the page the update stays in it (HOT).
) WITH (fillfactor = 70);
-- A user's scheduled messages by time, those that are over left out; how many wait.
CREATE INDEX scheduled_messages_by_time ON scheduled_messages (app_id, user_id, send_at, id) WHERE content IS NOT NULL;
-- Purge by age.
CREATE INDEX scheduled_messages_over ON scheduled_messages (updated_at) WHERE content IS NULL;
ALTER TABLE scheduled_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE scheduled_messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON scheduled_messages USING
    (app_id = parlor_current_app() OR (parlor_is_system() AND content IS NULL));

CREATE TABLE reminders (
    app_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    message_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    -- NULL: only saved for later.
    remind_at timestamptz,
    note text,
    state text NOT NULL CHECK (state IN ('saved', 'waiting', 'due', 'done')),
    -- The user's own `seq` of this row's last change.
    user_seq bigint NOT NULL,
    created_at timestamptz NOT NULL,
    -- Kept for a while after the end, so that other devices can be told by `user_seq`.
    deleted_at timestamptz,
    PRIMARY KEY (app_id, user_id, message_id),
    FOREIGN KEY (app_id, message_id) REFERENCES messages (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    CHECK (state <> 'waiting' OR remind_at IS NOT NULL),
    CHECK (note IS NULL OR deleted_at IS NULL)
);
-- A user's reminders by time, and how many there are. What is done is apart, as there may be any number of it.
CREATE INDEX reminders_live ON reminders (app_id, user_id, (coalesce(remind_at, created_at)), message_id)
    WHERE deleted_at IS NULL AND state <> 'done';
CREATE INDEX reminders_done ON reminders (app_id, user_id, (coalesce(remind_at, created_at)), message_id)
    WHERE deleted_at IS NULL AND state = 'done';
-- Purge by age.
CREATE INDEX reminders_deleted ON reminders (deleted_at) WHERE deleted_at IS NOT NULL;
ALTER TABLE reminders ENABLE ROW LEVEL SECURITY;
ALTER TABLE reminders FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON reminders USING
    (app_id = parlor_current_app() OR (parlor_is_system() AND deleted_at IS NOT NULL));

-- A queue: what is due when, and nothing of what it says, so that a worker may look at all apps at once.
CREATE TABLE due (
    app_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('scheduled_message', 'reminder')),
    user_id text COLLATE "C" NOT NULL,
    -- Of the message.
    id uuid NOT NULL,
    -- When it is due; while a worker has it, the end of the worker's lease.
    available_at timestamptz NOT NULL,
    -- How often it failed in a way that may be over the next time.
    attempts smallint NOT NULL DEFAULT 0,
    -- No foreign keys: it goes with the row that it stands for, and a worker drops what stands for nothing.
    PRIMARY KEY (app_id, kind, user_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
-- What a worker claims next, and when it has to look again.
CREATE INDEX due_next ON due (available_at, id);
ALTER TABLE due ENABLE ROW LEVEL SECURITY;
ALTER TABLE due FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON due USING (app_id = parlor_current_app() OR parlor_is_system());

GRANT SELECT, INSERT, UPDATE, DELETE ON drafts, scheduled_messages, reminders, due TO parlor_app;
