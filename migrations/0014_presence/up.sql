-- Who is there: sessions, and what they make of a user.

-- Written when a user comes, goes, rests or chooses, and at most once a minute while they are active: several changes of
-- many users in one statement. None of it is indexed, so that the update stays in its page (HOT).
ALTER TABLE users
    -- Whether the user has a session, or had one a moment ago.
    ADD online boolean NOT NULL DEFAULT false,
    -- What the user has chosen.
    ADD status text NOT NULL DEFAULT 'online' CHECK (status IN ('online', 'idle', 'away', 'dnd', 'invisible')),
    -- What is shown in place of 'online' of who has done nothing for a while.
    ADD resting text CHECK (resting IN ('idle', 'away')),
    ADD status_text text,
    ADD status_color text NOT NULL DEFAULT '#22c55e',
    -- Until when the choice holds, and what there was before: {"status", "status_text", "status_color"}.
    ADD status_expires_at timestamptz,
    ADD status_before jsonb,
    -- The last activity, or the end of the last session. It stands still while the user is invisible.
    ADD last_seen_at timestamptz,
    ADD CHECK ((status_expires_at IS NULL) = (status_before IS NULL));

-- A queue of a kind: who is connected, and nothing of what they say, so that one process may look after all apps.
CREATE TABLE user_sessions (
    app_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    -- Of the client's making.
    session_id uuid NOT NULL,
    device text NOT NULL CHECK (device IN ('mobile', 'desktop', 'web')),
    -- When it last connected, or was given leave to.
    connected_at timestamptz NOT NULL,
    -- NULL while it lives. What has ended is kept until it can't come back unseen.
    ended_at timestamptz,
    -- When it is to be seen what the end means for the user: after a while in which a page is loaded again.
    settle_at timestamptz,
    -- The client said goodbye itself: nobody asks whether it is still there.
    closed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (app_id, user_id, session_id),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id),
    CHECK ((ended_at IS NULL) = (settle_at IS NULL))
) WITH (fillfactor = 70);
-- What is to be settled next.
CREATE INDEX user_sessions_ended ON user_sessions (settle_at) WHERE settle_at IS NOT NULL;
ALTER TABLE user_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON user_sessions USING (app_id = parlor_current_app() OR parlor_is_system());

-- A queue: whose choice ends when.
CREATE TABLE status_ends (
    app_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, user_id),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
-- What ends next.
CREATE INDEX status_ends_next ON status_ends (ends_at);
ALTER TABLE status_ends ENABLE ROW LEVEL SECURITY;
ALTER TABLE status_ends FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON status_ends USING (app_id = parlor_current_app() OR parlor_is_system());

-- A queue of a kind: channels whose subscribers are told who watches, and how long somebody may be subscribed.
CREATE TABLE watched_channels (
    app_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (app_id, channel_id),
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE
);
ALTER TABLE watched_channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE watched_channels FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON watched_channels USING (app_id = parlor_current_app() OR parlor_is_system());

GRANT SELECT, INSERT, UPDATE, DELETE ON user_sessions, status_ends, watched_channels TO parlor_app;
