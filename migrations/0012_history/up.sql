-- The life of a message: what it said before, what a deletion keeps aside for a while, and the point in a channel up to
-- which messages are gone.

ALTER TABLE apps
    -- {"retention_days": {"team": 30, …}, "undelete_minutes": 10}. What is left out has its default.
    ADD settings jsonb NOT NULL DEFAULT '{}';

ALTER TABLE channels
    -- Messages up to this `seq` are gone: truncated, or older than the channel keeps them. Nobody reads them from the
    -- commit on that sets it; their rows are removed after it.
    ADD truncated_seq bigint NOT NULL DEFAULT 0,
    -- Countable messages up to there, none of which is unread.
    ADD truncated_ordinal bigint NOT NULL DEFAULT 0,
    -- When to look again for rows to remove below it. NULL: there are none.
    ADD sweep_at timestamptz;
-- Channels with rows to remove, by that time. Sends don't change it, so their updates stay in the page (HOT).
CREATE INDEX channels_unswept ON channels (app_id, sweep_at, id) WHERE sweep_at IS NOT NULL;
-- Channels that keep messages as long as they say themselves. The same holds.
CREATE INDEX channels_retained ON channels (app_id, id) WHERE config ->> 'retention_days' IS NOT NULL;

CREATE TABLE message_edits (
    app_id uuid NOT NULL,
    message_id uuid NOT NULL,
    -- The channel's `seq` of the edit that replaced it: the order of versions.
    seq bigint NOT NULL,
    -- What the message said until then.
    text text NOT NULL,
    content_type text,
    content jsonb,
    attachments jsonb,
    custom jsonb,
    -- Who edited it; NULL: the customer's server.
    edited_by text COLLATE "C",
    -- When it was edited.
    created_at timestamptz NOT NULL,
    -- A message's former versions, newest first.
    PRIMARY KEY (app_id, message_id, seq),
    FOREIGN KEY (app_id, message_id) REFERENCES messages (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, edited_by) REFERENCES users (app_id, id)
);
ALTER TABLE message_edits ENABLE ROW LEVEL SECURITY;
ALTER TABLE message_edits FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON message_edits USING (app_id = parlor_current_app());

CREATE TABLE deleted_messages (
    app_id uuid NOT NULL,
    message_id uuid NOT NULL,
    -- What the deletion cleared in the message's row.
    content jsonb NOT NULL,
    -- NULL: the customer's server.
    deleted_by text COLLATE "C",
    created_at timestamptz NOT NULL,
    -- Until when it can be taken back. A row of `due` erases it then.
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, message_id),
    FOREIGN KEY (app_id, message_id) REFERENCES messages (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, deleted_by) REFERENCES users (app_id, id)
);
ALTER TABLE deleted_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE deleted_messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON deleted_messages USING (app_id = parlor_current_app());

ALTER TABLE due DROP CONSTRAINT due_kind_check;
ALTER TABLE due ADD CONSTRAINT due_kind_check
    CHECK (kind IN ('scheduled_message', 'reminder', 'deleted_message'));

-- Whether somebody wants to be reminded of a message, or made a task of it: then its row stays. Also what the foreign keys
-- ask when a row of `messages` goes.
CREATE INDEX reminders_by_message ON reminders (app_id, message_id);
CREATE INDEX tasks_of_message ON tasks (app_id, message_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON message_edits, deleted_messages TO parlor_app;
