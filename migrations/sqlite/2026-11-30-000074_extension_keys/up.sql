-- Keys of browser extensions. A key may what its user may, in the workspaces of that user.
CREATE TABLE extension_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- SHA-256 of the key.
    digest BLOB NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    -- The owner's of a server without users when absent.
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX extension_keys_by_user ON extension_keys (user_id);
