-- Threads: what a root knows of its replies, and how far each user has read them. What a message quotes, and where it
-- was forwarded from. Tasks, which are made of messages.

ALTER TABLE messages
    -- Whether it stands in the main timeline: all but replies that were not shown in the channel as well.
    ADD in_timeline boolean NOT NULL DEFAULT true,
    -- Of a reply: replies of its thread up to and including this one. Of a root: replies so far, deleted ones included.
    -- Unread counts of threads are a subtraction from it. NULL for all others.
    ADD thread_ordinal bigint,
    -- Of a root: replies that are there, who wrote them, and when the newest of them was sent.
    ADD reply_count integer,
    ADD participant_count integer,
    -- Those of them who came first, at most ten.
    ADD participants text[],
    ADD last_reply_at timestamptz,
    -- What it quotes, as it was when this was sent.
    ADD quoted jsonb,
    -- Whose words these are, where they were forwarded.
    ADD forwarded_from jsonb;

-- A message is in one of two lists, and so in one of two indexes: a run of replies is no detour for who reads the
-- timeline, and a send costs no more than with one index for both.
DROP INDEX messages_by_seq;
-- The timeline.
CREATE UNIQUE INDEX messages_timeline ON messages (app_id, channel_id, seq) WHERE in_timeline;
-- Replies beside it, for who pulls what is new in a channel.
CREATE UNIQUE INDEX messages_aside ON messages (app_id, channel_id, seq) WHERE NOT in_timeline;
-- A thread.
CREATE INDEX messages_by_thread ON messages (app_id, parent_id, seq) WHERE parent_id IS NOT NULL;
-- The correction of unread counts of threads: deleted replies past a pointer.
CREATE INDEX messages_deleted_replies ON messages (app_id, parent_id, thread_ordinal)
    WHERE parent_id IS NOT NULL AND deleted_at IS NOT NULL;
-- Who quotes a message, to forget its words when it is erased.
CREATE INDEX messages_by_quoted ON messages (app_id, reply_to_id) WHERE reply_to_id IS NOT NULL;

CREATE TABLE thread_members (
    app_id uuid NOT NULL,
    root_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    -- NULL: the user only read the thread, and will follow it once they take part. False: the user does not want to.
    following boolean,
    -- When the user began to follow: the place in their list of a thread without replies.
    followed_at timestamptz,
    read_seq bigint NOT NULL DEFAULT 0,
    -- Replies of the thread up to the pointer.
    read_ordinal bigint NOT NULL DEFAULT 0,
    read_at timestamptz,
    -- Replies of the user that are there, and the `seq` of the one that made the user a participant.
    replies integer NOT NULL DEFAULT 0,
    first_reply_seq bigint,
    -- The user's own `seq` of what the user last did to this row by themselves.
    user_seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (app_id, root_id, user_id),
    FOREIGN KEY (app_id, root_id) REFERENCES messages (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
-- Each reply moves its author's pointer, which is not indexed.
) WITH (fillfactor = 70);
-- A user's threads and their unread counts.
CREATE INDEX thread_members_followed ON thread_members (app_id, user_id, root_id) WHERE following;
ALTER TABLE thread_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE thread_members FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON thread_members USING (app_id = parlor_current_app());

CREATE TABLE tasks (
    app_id uuid NOT NULL,
    id uuid NOT NULL,
    channel_id uuid NOT NULL,
    message_id uuid NOT NULL,
    title text NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'in_progress', 'done')),
    assignee_id text COLLATE "C",
    due_at timestamptz,
    -- NULL if the server made it.
    created_by text COLLATE "C",
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Kept without its title after the end, so that clients can be told by `updated_seq`.
    deleted_at timestamptz,
    updated_seq bigint NOT NULL,
    PRIMARY KEY (app_id, id),
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, message_id) REFERENCES messages (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, assignee_id) REFERENCES users (app_id, id),
    FOREIGN KEY (app_id, created_by) REFERENCES users (app_id, id)
);
-- A message is one task at a time.
CREATE UNIQUE INDEX tasks_by_message ON tasks (app_id, message_id) WHERE deleted_at IS NULL;
-- A channel's tasks.
CREATE INDEX tasks_by_channel ON tasks (app_id, channel_id, id) WHERE deleted_at IS NULL;
-- A user's tasks.
CREATE INDEX tasks_by_assignee ON tasks (app_id, assignee_id, id)
    WHERE deleted_at IS NULL AND assignee_id IS NOT NULL;
-- Tasks that changed after a seq.
CREATE INDEX tasks_by_change ON tasks (app_id, channel_id, updated_seq);
ALTER TABLE tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE tasks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tasks USING (app_id = parlor_current_app());

GRANT SELECT, INSERT, UPDATE, DELETE ON thread_members, tasks TO parlor_app;
