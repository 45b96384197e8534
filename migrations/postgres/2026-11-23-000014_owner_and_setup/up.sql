-- The one person of a server without users. There is one row at most.
CREATE TABLE owner (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    password_hash TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

-- Browsers of the owner's that are signed in.
CREATE TABLE owner_sessions (
    -- SHA-256 of the token.
    digest BYTEA PRIMARY KEY,
    address TEXT,
    expires_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL
);

-- What lets its holder set the server up, once.
CREATE TABLE setup_links (
    -- SHA-256 of the token.
    digest BYTEA PRIMARY KEY,
    expires_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL
);

-- Where a session was opened from.
ALTER TABLE sessions ADD COLUMN address TEXT;
