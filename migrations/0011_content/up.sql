-- What messages are made of, whom they call, and who may read them; groups of users; messages that wait for approval.

ALTER TABLE messages
    -- NULL for somebody's words and for polls, whose kind follows from the row.
    ADD COLUMN content_type text CHECK (content_type IN
        ('markdown', 'tiptap', 'json_proposal', 'agent_command_response', 'file_attachment', 'system')),
    -- A TipTap document or another object.
    ADD COLUMN content jsonb,
    -- {"channel", "here", "roles", "groups"}. NULL where it calls nobody beside its mentions.
    ADD COLUMN group_mentions jsonb,
    -- Counts for nobody, and nobody is notified.
    ADD COLUMN silent boolean NOT NULL DEFAULT false,
    -- Who may read it beside its author and moderators. NULL: all.
    ADD COLUMN visible_to text[] COLLATE "C",
    -- Until when its location is shared live. NULL: it has none, or no longer.
    ADD COLUMN live_until timestamptz;
-- The live locations of a channel. Nearly empty.
CREATE INDEX messages_live ON messages (app_id, channel_id, live_until, id) WHERE live_until IS NOT NULL;

-- Unread replies are counted by the ordinals that silent replies and those that not all may read have no share in.
DROP INDEX messages_deleted_replies;
CREATE INDEX messages_deleted_replies ON messages (app_id, parent_id, thread_ordinal)
    WHERE parent_id IS NOT NULL AND deleted_at IS NOT NULL AND NOT silent AND visible_to IS NULL;

-- Whether a reader may read a message that not all may: the server, its author, those it names, moderators. Asked only
-- for such messages, so it need not be fast.
CREATE FUNCTION parlor_may_read(app uuid, channel uuid, author text, named text[], reader text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT reader IS NULL OR reader = author OR reader = ANY (named) OR EXISTS (
        SELECT FROM channel_members m WHERE m.app_id = app AND m.channel_id = channel AND m.user_id = reader
        AND m.removed_at IS NULL AND m.role IN ('moderator', 'admin', 'owner'))
$$;
REVOKE ALL ON FUNCTION parlor_may_read(uuid, uuid, text, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parlor_may_read(uuid, uuid, text, text[], text) TO parlor_app;

CREATE TABLE user_groups (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL,
    member_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- The app's groups by id, too.
    PRIMARY KEY (app_id, id)
);
ALTER TABLE user_groups ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_groups FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON user_groups USING (app_id = parlor_current_app());

CREATE TABLE user_group_members (
    app_id uuid NOT NULL,
    group_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    added_at timestamptz NOT NULL,
    -- Who is in a group, in the order of their ids.
    PRIMARY KEY (app_id, group_id, user_id),
    FOREIGN KEY (app_id, group_id) REFERENCES user_groups (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
ALTER TABLE user_group_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_group_members FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON user_group_members USING (app_id = parlor_current_app());

CREATE TABLE pending_messages (
    app_id uuid NOT NULL,
    -- Of the client's making; the message that it becomes has the same.
    id uuid NOT NULL,
    channel_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    -- What is to be sent.
    content jsonb NOT NULL,
    -- Whose words these are, where they were forwarded.
    forwarded_from jsonb,
    -- First eight bytes of the SHA-256 of what was sent, to tell a retry from a reused id.
    fingerprint bigint NOT NULL,
    -- It was approved, and is being sent: from then on nobody changes it.
    approved boolean NOT NULL DEFAULT false,
    -- The author's own `seq` of this row's last change.
    user_seq bigint NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, id),
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
-- What waits in a channel, oldest first; of one user, too, who has at most a hundred there.
CREATE INDEX pending_messages_by_time ON pending_messages (app_id, channel_id, created_at, id);
ALTER TABLE pending_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE pending_messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON pending_messages USING (app_id = parlor_current_app());

GRANT SELECT, INSERT, UPDATE, DELETE ON user_groups, user_group_members, pending_messages TO parlor_app;
