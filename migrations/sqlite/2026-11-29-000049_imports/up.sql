-- What was brought in from another server, once.
CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- The product it was: `anythingllm`.
    kind TEXT NOT NULL,
    -- The directory or the address it was read from, without a password.
    origin TEXT NOT NULL,
    -- JSON: what came, what has no home, what differs.
    report TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
