-- The beginning of a name as it is looked for, in small letters. Null in rows of earlier versions
-- until the program has filled it in.
ALTER TABLE threads ADD COLUMN sought TEXT;
CREATE INDEX threads_without_sought ON threads (id) WHERE sought IS NULL;
