-- Names are in the same order in both databases: by their bytes.
ALTER TABLE documents
    ALTER COLUMN folder TYPE TEXT COLLATE "C",
    ALTER COLUMN name TYPE TEXT COLLATE "C";
ALTER TABLE unsettled_files
    ALTER COLUMN folder TYPE TEXT COLLATE "C",
    ALTER COLUMN name TYPE TEXT COLLATE "C";
-- What whoever handed a document in says of it: a JSON object.
ALTER TABLE documents ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';
-- What its owner calls the upload it is from, and what tells it from others of the same upload.
ALTER TABLE documents ADD COLUMN external_key TEXT;
ALTER TABLE documents ADD COLUMN part TEXT NOT NULL DEFAULT '';
-- SHA-256 of what was handed in.
ALTER TABLE documents ADD COLUMN upload_digest BYTEA;
-- SHA-256 that names the request it was made by, if that may be repeated.
ALTER TABLE documents ADD COLUMN request BYTEA;
CREATE UNIQUE INDEX documents_by_external_key ON documents (external_key, part);
CREATE UNIQUE INDEX documents_by_request ON documents (request, part);
CREATE INDEX documents_by_upload ON documents (upload_digest);
CREATE INDEX documents_by_name ON documents (name);

-- A folder may be empty.
CREATE TABLE folders (
    name TEXT COLLATE "C" PRIMARY KEY,
    created_at TIMESTAMP NOT NULL
);
INSERT INTO folders (name, created_at)
    SELECT folder, MIN(created_at) FROM documents GROUP BY folder;
INSERT INTO folders (name, created_at)
    VALUES ('custom-documents', '2026-11-23 00:00:00.000000') ON CONFLICT DO NOTHING;

-- Requests that may be repeated, and what they were answered.
CREATE TABLE repeatable_requests (
    -- SHA-256 of the caller and of what the client calls the request.
    name BYTEA PRIMARY KEY,
    api_key_id INTEGER NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    -- SHA-256 of what was asked.
    content BYTEA NOT NULL,
    answer TEXT,
    -- When it was begun last.
    begun_at TIMESTAMP NOT NULL
);
CREATE INDEX repeatable_requests_in_order ON repeatable_requests (api_key_id, begun_at);
CREATE INDEX repeatable_requests_by_time ON repeatable_requests (begun_at);
