-- What signs its user in, once. A user has one at most.
CREATE TABLE sign_in_tokens (
    -- SHA-256 of the token.
    digest BYTEA PRIMARY KEY,
    user_id INTEGER NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    expires_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL
);
