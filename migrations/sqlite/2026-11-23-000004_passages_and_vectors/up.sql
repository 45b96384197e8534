-- One row for each workspace: what its vectors amount to, so that nobody has to count them, and
-- how often they changed, so that caches know when to read them again. Whoever adds or removes
-- vectors locks it first; so within a workspace chunk ids are in the order of commits.
CREATE TABLE namespaces (
    workspace_id INTEGER PRIMARY KEY NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    additions BIGINT NOT NULL DEFAULT 0,
    removals BIGINT NOT NULL DEFAULT 0,
    vectors BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    workspace_document_id BIGINT NOT NULL REFERENCES workspace_documents (id) ON DELETE CASCADE,
    workspace_id INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX chunks_by_place ON chunks (workspace_document_id, ordinal);

-- Vectors at one byte a dimension, which is what searching reads.
CREATE TABLE vector_codes (
    chunk_id INTEGER PRIMARY KEY NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    workspace_id INTEGER NOT NULL,
    workspace_document_id BIGINT NOT NULL,
    scale REAL NOT NULL,
    code BLOB NOT NULL
);
CREATE INDEX vector_codes_by_workspace ON vector_codes (workspace_id, chunk_id);

-- Whole vectors: little-endian 32-bit floats.
CREATE TABLE vectors (
    chunk_id INTEGER PRIMARY KEY NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    vector BLOB NOT NULL
);
