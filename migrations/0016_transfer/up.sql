-- Moving in, moving out, and the end of a user.

CREATE TABLE imports (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'checking', 'running', 'done', 'failed')),
    -- Only looks for errors, and leaves the import open.
    dry_run boolean NOT NULL DEFAULT false,
    -- Where the work goes on: kind of lines, part of the upload, byte of the part, and the lines before it.
    phase smallint NOT NULL DEFAULT 0,
    part integer NOT NULL DEFAULT 0,
    byte_offset bigint NOT NULL DEFAULT 0,
    line bigint NOT NULL DEFAULT 0,
    -- What was written so far, by kind.
    counts jsonb NOT NULL DEFAULT '{}',
    failed bigint NOT NULL DEFAULT 0,
    -- The first lines that were refused: [{line, code, reason}].
    errors jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    -- When it is forgotten, with what was uploaded for it.
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, id)
);
-- Purge by age.
CREATE INDEX imports_by_end ON imports (expires_at);
ALTER TABLE imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE imports FORCE ROW LEVEL SECURITY;
-- The purge sees what is over of all apps.
CREATE POLICY tenant ON imports USING (app_id = parlor_current_app() OR (parlor_is_system() AND expires_at < now()));

-- What was uploaded, until it is imported.
CREATE TABLE import_parts (
    app_id uuid NOT NULL,
    import_id uuid NOT NULL,
    number integer NOT NULL,
    body bytea NOT NULL,
    lines integer NOT NULL,
    PRIMARY KEY (app_id, import_id, number),
    FOREIGN KEY (app_id, import_id) REFERENCES imports (app_id, id) ON DELETE CASCADE
);
-- Read in slices, which compression would make slow.
ALTER TABLE import_parts ALTER body SET STORAGE EXTERNAL;
ALTER TABLE import_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_parts USING (app_id = parlor_current_app());

-- The channels that an import writes to, as they were before.
CREATE TABLE import_channels (
    app_id uuid NOT NULL,
    import_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    -- Made by this import: nobody has it open.
    created boolean NOT NULL,
    ordinal bigint NOT NULL,
    PRIMARY KEY (app_id, import_id, channel_id),
    FOREIGN KEY (app_id, import_id) REFERENCES imports (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, channel_id) REFERENCES channels (app_id, id) ON DELETE CASCADE
);
ALTER TABLE import_channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE import_channels FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON import_channels USING (app_id = parlor_current_app());

CREATE TABLE exports (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    parts integer NOT NULL DEFAULT 0,
    lines bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    -- When it is forgotten, with its parts.
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, id),
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id) ON DELETE CASCADE
);
-- Purge by age.
CREATE INDEX exports_by_end ON exports (expires_at);
-- A user's exports, when the user goes.
CREATE INDEX exports_by_user ON exports (app_id, user_id);
ALTER TABLE exports ENABLE ROW LEVEL SECURITY;
ALTER TABLE exports FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON exports USING (app_id = parlor_current_app() OR (parlor_is_system() AND expires_at < now()));

CREATE TABLE export_parts (
    app_id uuid NOT NULL,
    export_id uuid NOT NULL,
    number integer NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (app_id, export_id, number),
    FOREIGN KEY (app_id, export_id) REFERENCES exports (app_id, id) ON DELETE CASCADE
);
ALTER TABLE export_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE export_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON export_parts USING (app_id = parlor_current_app());

-- Who was deleted, when, how, and by whom: the record that stays.
CREATE TABLE user_deletions (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    -- SHA-256 of app and user id: tells whether somebody was deleted who is asked for by name, and keeps tokens from
    -- before out where the id is registered anew.
    subject bytea NOT NULL,
    -- Gone when nothing of the user is left.
    user_id text COLLATE "C",
    mode text NOT NULL CHECK (mode IN ('soft', 'hard', 'anonymise')),
    -- The id of the key that asked for it; NULL: the user.
    requested_by text,
    -- The nameless user who takes the user's place.
    ghost_id text COLLATE "C",
    -- Where the work goes on: what is looked through, and after which row of it.
    phase smallint NOT NULL DEFAULT 0,
    after uuid,
    -- Messages that were erased or given to the ghost.
    messages bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (app_id, id),
    CHECK ((finished_at IS NULL) = (user_id IS NOT NULL))
);
-- Whether a user is being deleted.
CREATE UNIQUE INDEX user_deletions_open ON user_deletions (app_id, user_id) WHERE user_id IS NOT NULL;
-- Whether an id was deleted before.
CREATE INDEX user_deletions_by_subject ON user_deletions (app_id, subject);
ALTER TABLE user_deletions ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_deletions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON user_deletions USING (app_id = parlor_current_app());

GRANT SELECT, INSERT, UPDATE, DELETE ON imports, import_parts, import_channels, exports, export_parts, user_deletions
    TO parlor_app;
