-- What of a document's file is not in its text, a sentence on each line. Null where nothing was left out,
-- and in rows of earlier versions.
ALTER TABLE documents ADD COLUMN warnings TEXT;
