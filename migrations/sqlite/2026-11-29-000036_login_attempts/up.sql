-- Allowances for signing in, shared by all servers on this database.
CREATE TABLE login_attempts (
    -- SHA-256 of what is counted: a name, a network, or both.
    subject BLOB PRIMARY KEY NOT NULL,
    -- When the allowance is whole again.
    refilled_at TIMESTAMP NOT NULL,
    -- When somebody last signed in with it. Only of a name together with a network.
    succeeded_at TIMESTAMP
);
CREATE INDEX login_attempts_by_refill ON login_attempts (refilled_at);
