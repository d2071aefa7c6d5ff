-- Channels, members, messages, and the flags of each user on each message.

CREATE TABLE channels (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    type text NOT NULL CHECK (type IN ('messaging', 'livestream', 'team', 'commerce')),
    cid text COLLATE "C" NOT NULL,
    -- The sorted members of a distinct channel, hashed; NULL for all others.
    distinct_key text COLLATE "C",
    name text,
    image text,
    custom jsonb NOT NULL DEFAULT '{}',
    config jsonb NOT NULL DEFAULT '{}',
    created_by text COLLATE "C",
    -- Number of the last durable change; gap-free and in the order of commits.
    seq bigint NOT NULL DEFAULT 0,
    -- Number of countable messages so far; unread counts are a subtraction from it.
    ordinal bigint NOT NULL DEFAULT 0,
    member_count integer NOT NULL DEFAULT 0,
    last_message_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (app_id, id),
    FOREIGN KEY (app_id, created_by) REFERENCES users (app_id, id)
-- Every send updates seq, ordinal and last_message_at, none of which is indexed: with room in the page
-- the update stays in it (HOT) and touches no index.
) WITH (fillfactor = 50);
-- get-or-create by cid.
CREATE UNIQUE INDEX channels_by_cid ON channels (app_id, cid);
-- get-or-create by members.
CREATE UNIQUE INDEX channels_by_members ON channels (app_id, distinct_key) WHERE distinct_key IS NOT NULL;
ALTER TABLE channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE channels FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON channels USING (app_id = parlor_current_app());

CREATE TABLE channel_members (
    app_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    role text NOT NULL CHECK (role IN ('guest', 'member', 'moderator', 'admin', 'owner')),
    read_seq bigint NOT NULL DEFAULT 0,
    read_ordinal bigint NOT NULL DEFAULT 0,
    read_at timestamptz,
    last_read_message_id uuid,
    joined_at timestamptz NOT NULL,
    -- Kept after the end of the membership, so that clients can be told by `updated_seq`.
    removed_at timestamptz,
    updated_seq bigint NOT NULL,
    -- The user's own `seq` of this row's last change.
    user_seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (app_id, channel_id, user_id),
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
) WITH (fillfactor = 70);
-- A user's channels and unread counts.
CREATE INDEX channel_members_by_user ON channel_members (app_id, user_id, channel_id) WHERE removed_at IS NULL;
-- Members that changed after a seq. Partial, though no row is left out, so that no plan takes it for a lookup of one
-- member, which it would serve by reading them all.
CREATE INDEX channel_members_by_change ON channel_members (app_id, channel_id, updated_seq) WHERE updated_seq > 0;
ALTER TABLE channel_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_members FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON channel_members USING (app_id = parlor_current_app());

CREATE TABLE messages (
    app_id uuid NOT NULL,
    id uuid NOT NULL,
    channel_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    updated_seq bigint NOT NULL,
    -- Countable messages up to and including this one.
    ordinal bigint NOT NULL,
    -- Whether this one counts as unread for others: no thread reply, not shadowed.
    countable boolean NOT NULL,
    shadowed boolean NOT NULL DEFAULT false,
    text text NOT NULL,
    attachments jsonb,
    mentions text[],
    custom jsonb,
    parent_id uuid,
    reply_to_id uuid,
    -- First eight bytes of the SHA-256 of what was sent, to tell a retry from a reused id.
    fingerprint bigint NOT NULL,
    created_at timestamptz NOT NULL,
    edited_at timestamptz,
    deleted_at timestamptz,
    -- Erased by the server: the row only keeps the place in the timeline, and is listed to nobody.
    erased boolean NOT NULL DEFAULT false,
    PRIMARY KEY (app_id, id),
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    FOREIGN KEY (app_id, parent_id) REFERENCES messages (app_id, id),
    FOREIGN KEY (app_id, reply_to_id) REFERENCES messages (app_id, id)
);
-- The timeline.
CREATE UNIQUE INDEX messages_by_seq ON messages (app_id, channel_id, seq);
-- Messages that were edited or deleted after a seq; unchanged ones are found by the timeline.
CREATE INDEX messages_by_change ON messages (app_id, channel_id, updated_seq) WHERE updated_seq <> seq;
-- The correction of unread counts: deleted countable messages past a pointer.
CREATE INDEX messages_deleted ON messages (app_id, channel_id, ordinal) WHERE countable AND deleted_at IS NOT NULL;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON messages USING (app_id = parlor_current_app());

CREATE TABLE user_messages (
    app_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    message_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    seq bigint NOT NULL,
    -- Bit 0 read, bit 1 mentioned, bit 2 starred. What is read and neither has no row.
    flags smallint NOT NULL,
    -- No foreign keys: rows are made from rows of `messages` and `channel_members` by one statement, and checking each
    -- again was a third of the cost of a message. A message's row stays when its content is erased.
    PRIMARY KEY (app_id, user_id, message_id)
);
-- "My unread messages", and marking them read up to a pointer.
CREATE INDEX user_messages_unread ON user_messages (app_id, user_id, channel_id, seq) WHERE flags & 1 = 0;
-- "My mentions" and "my starred messages".
CREATE INDEX user_messages_marked ON user_messages (app_id, user_id, message_id) WHERE flags & 6 <> 0;
ALTER TABLE user_messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_messages FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON user_messages USING (app_id = parlor_current_app());

GRANT SELECT, INSERT, UPDATE, DELETE ON channels, channel_members, messages, user_messages TO parlor_app;
