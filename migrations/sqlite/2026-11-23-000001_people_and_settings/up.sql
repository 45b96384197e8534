CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    suspended BOOLEAN NOT NULL DEFAULT FALSE,
    bio TEXT NOT NULL DEFAULT '',
    -- Questions in any 24 hours; unlimited when absent.
    daily_message_limit INTEGER,
    pfp_filename TEXT,
    seen_recovery_codes BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX users_by_role ON users (role);

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT,
    -- SHA-256 of the key.
    digest BLOB NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    -- `created` or `environment`.
    origin TEXT NOT NULL,
    -- Separated by commas; everything when empty.
    scopes TEXT NOT NULL DEFAULT '',
    -- Ids separated by commas; all workspaces when empty.
    workspaces TEXT NOT NULL DEFAULT '',
    -- Requests a minute; unlimited when absent.
    rate_limit INTEGER,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    expires_at TIMESTAMP,
    revoked_at TIMESTAMP,
    last_used_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX api_keys_by_origin ON api_keys (origin);
CREATE INDEX api_keys_by_creator ON api_keys (created_by);

CREATE TABLE settings (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);
