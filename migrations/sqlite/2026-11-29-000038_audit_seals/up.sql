-- The point of the chain that the server last vouched for, and its seal under a key that the database
-- does not have. Empty until the server first sealed the log.
ALTER TABLE audit_head ADD COLUMN sealed_id BIGINT;
ALTER TABLE audit_head ADD COLUMN sealed_digest BLOB;
ALTER TABLE audit_head ADD COLUMN seal BLOB;

-- At most one row: the last event that was removed because of its age, and its seal. The chain of
-- those that are left begins there.
CREATE TABLE audit_start (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    last_id BIGINT NOT NULL,
    digest BLOB NOT NULL,
    seal BLOB NOT NULL
);
