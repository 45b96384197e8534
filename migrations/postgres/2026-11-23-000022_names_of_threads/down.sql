DROP INDEX threads_without_sought;
ALTER TABLE threads DROP COLUMN sought;
