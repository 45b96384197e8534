-- What was changed, by whom and from where. Ids have no gaps and are in the order of commits.
CREATE TABLE events (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    -- JSON.
    details TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT,
    at TIMESTAMP NOT NULL,
    -- Links the event to the one before it.
    digest BYTEA NOT NULL
);
CREATE INDEX events_by_name ON events (name, id);

-- One row: the newest event, which whoever writes the next one locks.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_id BIGINT NOT NULL,
    digest BYTEA NOT NULL
);
INSERT INTO audit_head (id, last_id, digest) VALUES (1, 0, '\x0000000000000000000000000000000000000000000000000000000000000000');
