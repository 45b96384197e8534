-- Codes by which people who forgot their password set a new one. Each works once.
CREATE TABLE recovery_codes (
    -- SHA-256 of the user's id and the code.
    digest BLOB PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);
