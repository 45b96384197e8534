-- The files that documents were made of, one for each content. A document finds its own by upload_digest.
-- A row is noted before its file is written and until the document is stored; it is released once no document
-- has its digest, until the file is gone.
CREATE TABLE originals (
    name TEXT PRIMARY KEY NOT NULL,
    digest BLOB NOT NULL,
    bytes BIGINT NOT NULL,
    noted_at TIMESTAMP,
    released BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX originals_kept ON originals (digest) WHERE noted_at IS NULL;
CREATE INDEX originals_noted ON originals (noted_at) WHERE noted_at IS NOT NULL;

-- An installation that has documents already keeps no originals until somebody turns that on.
INSERT INTO settings (key, value)
    SELECT 'keep_originals', 'off' WHERE EXISTS (SELECT 1 FROM documents);
