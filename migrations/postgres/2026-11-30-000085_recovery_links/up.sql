-- Links by which people set a new password, made for them by an administrator. Each works once; a user has
-- one at most.
CREATE TABLE recovery_links (
    -- SHA-256 of the link's secret.
    digest BYTEA PRIMARY KEY,
    user_id INTEGER NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    -- The administrator under whose authority it was made, with which it ends; NULL for the operator.
    issued_by INTEGER,
    expires_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX recovery_links_by_issuer ON recovery_links (issued_by);
