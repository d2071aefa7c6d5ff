-- Tenants, their keys and their users.
--
-- Every table leads its keys with the tenant. Row-level security is the second wall behind the tenant
-- scope of the code: `app.current_app` is set for one transaction at a time, and without it no row is
-- visible. `app.scope = 'system'` opens only what must be read before the tenant is known, and queues.

CREATE FUNCTION parlor_current_app() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('app.current_app', true), '')::uuid $$;

CREATE FUNCTION parlor_is_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(current_setting('app.scope', true), '') = 'system' $$;

CREATE TABLE apps (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    webhook_url text,
    rate_limit_rps integer NOT NULL DEFAULT 100 CHECK (rate_limit_rps > 0),
    guests_enabled boolean NOT NULL DEFAULT false,
    suspended_at timestamptz,
    revoked_before timestamptz,
    created_at timestamptz NOT NULL
);
ALTER TABLE apps ENABLE ROW LEVEL SECURITY;
ALTER TABLE apps FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON apps USING (id = parlor_current_app() OR parlor_is_system());

CREATE TABLE api_keys (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id text NOT NULL,
    secret_ciphertext bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- Set when the key was rotated out: it works until then.
    expires_at timestamptz,
    PRIMARY KEY (app_id, id)
);
-- A request names its key before its tenant is known.
CREATE UNIQUE INDEX api_keys_by_id ON api_keys (id);
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_keys USING (app_id = parlor_current_app() OR parlor_is_system());

CREATE TABLE users (
    app_id uuid NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    id text COLLATE "C" NOT NULL,
    name text,
    image text,
    custom jsonb NOT NULL DEFAULT '{}',
    guest boolean NOT NULL DEFAULT false,
    -- One step per change of what belongs to the user alone: memberships, read pointers.
    seq bigint NOT NULL DEFAULT 0,
    -- What a search by prefix reads.
    search_name text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(coalesce(name, ''))) STORED,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deactivated_at timestamptz,
    revoked_before timestamptz,
    last_active_at timestamptz,
    PRIMARY KEY (app_id, id)
) WITH (fillfactor = 80);
-- Search of users by the beginning of their name.
CREATE INDEX users_by_name ON users (app_id, search_name, id);
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON users USING (app_id = parlor_current_app());

GRANT SELECT, INSERT, UPDATE, DELETE ON apps, api_keys, users TO parlor_app;
