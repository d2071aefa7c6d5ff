-- What a user's devices catch up by: everything of the user's own by the user's `seq`, and stars, which had none.

CREATE TABLE stars (
    app_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    message_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    -- The star itself is a flag of `user_messages`; this is how other devices hear of it, and of its end.
    starred boolean NOT NULL,
    -- The user's own `seq` of this row's last change.
    user_seq bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, user_id, message_id),
    FOREIGN KEY (app_id, message_id) REFERENCES messages (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
-- Stars that changed after a seq.
CREATE INDEX stars_by_change ON stars (app_id, user_id, user_seq);
-- Purge by age.
CREATE INDEX stars_ended ON stars (updated_at) WHERE NOT starred;
ALTER TABLE stars ENABLE ROW LEVEL SECURITY;
ALTER TABLE stars FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON stars USING (app_id = parlor_current_app() OR (parlor_is_system() AND NOT starred));
GRANT SELECT, INSERT, UPDATE, DELETE ON stars TO parlor_app;

-- Scheduled messages that changed after a seq.
CREATE INDEX scheduled_messages_by_change ON scheduled_messages (app_id, user_id, user_seq);
-- Reminders that changed after a seq.
CREATE INDEX reminders_by_change ON reminders (app_id, user_id, user_seq);
-- Invitations that changed after a seq.
CREATE INDEX channel_invites_by_change ON channel_invites (app_id, user_id, user_seq);
-- What a user did to threads by themselves after a seq. Replying does not write it, so such updates stay in their page.
CREATE INDEX thread_members_by_change ON thread_members (app_id, user_id, user_seq) WHERE user_seq > 0;
-- Memberships have no such index: marking as read changes their seq, and a user's are read as a whole.
