-- What a channel is to one of its members alone, invitations, tags, codes to join by, and work in the background.

ALTER TABLE channel_members
    ADD pinned_at timestamptz,
    ADD archived_at timestamptz,
    -- Muted since then, until then; without an end for good. What is over is not cleared: it is computed.
    ADD muted_at timestamptz,
    ADD muted_until timestamptz,
    -- Hidden until the channel has more countable messages than these: a new message writes nothing here.
    ADD hidden_ordinal bigint,
    ADD notifications text NOT NULL DEFAULT 'all' CHECK (notifications IN ('all', 'mentions', 'none')),
    -- The first `seq` whose message this member may read, and the countable messages before it, which are not unread.
    ADD history_from_seq bigint NOT NULL DEFAULT 0,
    ADD history_ordinal bigint NOT NULL DEFAULT 0;

ALTER TABLE channels
    ADD tags text[] NOT NULL DEFAULT '{}',
    ADD access_code text COLLATE "C";
-- A code names one channel of its app.
CREATE UNIQUE INDEX channels_by_access_code ON channels (app_id, access_code) WHERE access_code IS NOT NULL;

-- The index of `channels.tags`: an app's channels of a tag, newest first. No GIN index can be it, because containment of
-- arrays is not leakproof, so under row security it is asked only after every row of the app was read. The rows of a
-- channel are found by the tags that it has.
CREATE TABLE channel_tags (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    tag text COLLATE "C" NOT NULL,
    channel_id uuid NOT NULL,
    PRIMARY KEY (app_id, tag, channel_id)
);
ALTER TABLE channel_tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_tags FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON channel_tags USING (app_id = parlor_current_app());

CREATE TABLE channel_invites (
    app_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    -- NULL: the customer's server.
    invited_by text COLLATE "C",
    -- Role and history of the membership that it offers.
    role text NOT NULL CHECK (role IN ('guest', 'member', 'moderator', 'admin', 'owner')),
    hide_history boolean NOT NULL,
    -- One whose time has run out stays 'pending': that it is over is computed.
    state text NOT NULL CHECK (state IN ('pending', 'accepted', 'rejected', 'revoked')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- The user's own `seq` of this row's last change.
    user_seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (app_id, channel_id, user_id),
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    FOREIGN KEY (app_id, invited_by) REFERENCES users (app_id, id)
);
-- A user's open invitations, newest first.
CREATE INDEX channel_invites_by_user ON channel_invites (app_id, user_id, created_at, channel_id) WHERE state = 'pending';
ALTER TABLE channel_invites ENABLE ROW LEVEL SECURITY;
ALTER TABLE channel_invites FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON channel_invites USING (app_id = parlor_current_app());

-- When a user named codes that no channel has: the last few times, which is all that the limit looks at.
CREATE TABLE access_code_tries (
    app_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    tried_at timestamptz[] NOT NULL,
    PRIMARY KEY (app_id, user_id),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
ALTER TABLE access_code_tries ENABLE ROW LEVEL SECURITY;
ALTER TABLE access_code_tries FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON access_code_tries USING (app_id = parlor_current_app());

CREATE TABLE jobs (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('channels', 'members')),
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    -- What is to be done; gone when nothing is left of it.
    request jsonb,
    total integer NOT NULL,
    -- Items done and failed, in their order: together they say where the work goes on.
    done integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    -- The first failures: [{index, code}].
    errors jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (app_id, id)
);
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON jobs USING (app_id = parlor_current_app());

GRANT SELECT, INSERT, UPDATE, DELETE ON channel_tags, channel_invites, access_code_tries, jobs TO parlor_app;
