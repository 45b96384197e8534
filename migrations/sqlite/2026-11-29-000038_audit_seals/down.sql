DROP TABLE audit_start;
ALTER TABLE audit_head DROP COLUMN seal;
ALTER TABLE audit_head DROP COLUMN sealed_digest;
ALTER TABLE audit_head DROP COLUMN sealed_id;
