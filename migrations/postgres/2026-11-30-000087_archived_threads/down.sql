ALTER TABLE threads DROP COLUMN archived_at;
