CREATE TABLE documents (
    id TEXT PRIMARY KEY NOT NULL,
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    author TEXT NOT NULL,
    description TEXT NOT NULL,
    source TEXT NOT NULL,
    chunk_source TEXT NOT NULL,
    published_at TIMESTAMP,
    words INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    -- SHA-256 of the text.
    digest BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL,
    UNIQUE (folder, name)
);

-- Paths at which a file may lie that no document accounts for.
CREATE TABLE unsettled_files (
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    noted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (folder, name)
);
CREATE INDEX unsettled_files_by_time ON unsettled_files (noted_at);

CREATE TABLE workspace_documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    -- What clients call docId.
    key TEXT NOT NULL UNIQUE,
    pinned BOOLEAN NOT NULL DEFAULT FALSE,
    watched BOOLEAN NOT NULL DEFAULT FALSE,
    -- Which model and splitting made the passages.
    recipe TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    UNIQUE (workspace_id, document_id)
);
CREATE INDEX workspace_documents_in_order ON workspace_documents (workspace_id, id);
CREATE INDEX workspace_documents_by_document ON workspace_documents (document_id);
-- Finds the places of other recipes than the one in use, without looking at those of that one.
CREATE INDEX workspace_documents_by_recipe ON workspace_documents (recipe, id);
