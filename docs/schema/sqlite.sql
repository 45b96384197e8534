-- All migrations for sqlite, in order. Written by `cargo xtask schema`.

-- 2026-11-23-000001_people_and_settings

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    suspended BOOLEAN NOT NULL DEFAULT FALSE,
    bio TEXT NOT NULL DEFAULT '',
    -- Questions a day; unlimited when absent.
    daily_message_limit INTEGER,
    pfp_filename TEXT,
    seen_recovery_codes BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

CREATE TABLE api_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT,
    -- SHA-256 of the key.
    digest BLOB NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    -- `created` or `environment`.
    origin TEXT NOT NULL,
    -- Separated by commas; everything when empty.
    scopes TEXT NOT NULL DEFAULT '',
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    expires_at TIMESTAMP,
    revoked_at TIMESTAMP,
    last_used_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX api_keys_by_origin ON api_keys (origin);
CREATE INDEX api_keys_by_creator ON api_keys (created_by);

CREATE TABLE settings (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

-- 2026-11-23-000002_workspaces_and_chats

CREATE TABLE workspaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    temperature DOUBLE,
    history INTEGER NOT NULL,
    prompt TEXT,
    least_similarity DOUBLE NOT NULL,
    passages INTEGER NOT NULL,
    chat_mode TEXT NOT NULL,
    search_mode TEXT NOT NULL,
    chat_provider TEXT,
    chat_model TEXT,
    agent_provider TEXT,
    agent_model TEXT,
    refusal TEXT,
    router_id INTEGER,
    vector_tag TEXT,
    pfp_filename TEXT,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

CREATE TABLE threads (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX threads_by_workspace ON threads (workspace_id, user_id, id);
CREATE INDEX threads_by_user ON threads (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE chats (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    thread_id INTEGER REFERENCES threads (id) ON DELETE CASCADE,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    -- A client's own name for the conversation.
    session TEXT,
    prompt TEXT NOT NULL,
    response TEXT NOT NULL,
    -- Whether later answers may see it.
    include BOOLEAN NOT NULL DEFAULT TRUE,
    feedback BOOLEAN,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX chats_by_conversation ON chats (workspace_id, thread_id, user_id, session, include, id);
CREATE INDEX chats_by_thread ON chats (thread_id) WHERE thread_id IS NOT NULL;
CREATE INDEX chats_by_user ON chats (user_id) WHERE user_id IS NOT NULL;

-- 2026-11-23-000003_library

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

-- 2026-11-23-000004_passages_and_vectors

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
