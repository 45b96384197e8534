-- The beginning of a title as it is looked for, in small letters. Null in rows of earlier versions
-- until the program has filled it in.
ALTER TABLE documents ADD COLUMN sought TEXT;
-- What is looked for stands in the indexes by which the newest come first, so that no row is read.
CREATE INDEX documents_by_time ON documents (created_at, id, sought);
CREATE INDEX documents_of_folder_by_time ON documents (folder, created_at, id, sought);
CREATE INDEX documents_without_sought ON documents (id) WHERE sought IS NULL;
