-- All migrations for sqlite, in order. Written by `cargo xtask schema`.

-- 2026-11-23-000001_people_and_settings

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    username TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL,
    suspended BOOLEAN NOT NULL DEFAULT FALSE,
    bio TEXT NOT NULL DEFAULT '',
    -- Questions in any 24 hours; unlimited when absent.
    daily_message_limit INTEGER,
    pfp_filename TEXT,
    seen_recovery_codes BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX users_by_role ON users (role);

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
    -- Ids separated by commas; all workspaces when empty.
    workspaces TEXT NOT NULL DEFAULT '',
    -- Requests a minute; unlimited when absent.
    rate_limit INTEGER,
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

-- Ids are in the order of time. The short columns come first, where they are read without the texts.
CREATE TABLE chats (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Refers to nothing: the logs of other servers have exchanges of workspaces that are gone.
    workspace_id INTEGER NOT NULL,
    thread_id INTEGER REFERENCES threads (id) ON DELETE CASCADE,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    -- A client's own name for the conversation.
    session TEXT,
    -- Whether later answers may see it.
    include BOOLEAN NOT NULL DEFAULT TRUE,
    feedback BOOLEAN,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    prompt TEXT NOT NULL,
    response TEXT NOT NULL
);
CREATE INDEX chats_by_conversation
    ON chats (workspace_id, thread_id, user_id, session, id);
CREATE INDEX chats_by_workspace ON chats (workspace_id, id);
CREATE INDEX chats_by_thread ON chats (thread_id, id) WHERE thread_id IS NOT NULL;
CREATE INDEX chats_by_user ON chats (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX chats_by_session ON chats (session, id) WHERE session IS NOT NULL;
CREATE INDEX chats_by_feedback ON chats (feedback, id) WHERE feedback IS NOT NULL;

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

-- 2026-11-23-000005_invites_members_and_sessions

CREATE TABLE invites (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    code TEXT NOT NULL UNIQUE,
    -- `pending`, `claimed` or `disabled`.
    status TEXT NOT NULL,
    claimed_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    -- Ids separated by commas. Some may be those of no workspace.
    workspaces TEXT NOT NULL,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    expires_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX invites_by_claimer ON invites (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX invites_by_creator ON invites (created_by) WHERE created_by IS NOT NULL;

-- Who may enter which workspace.
CREATE TABLE workspace_users (
    -- In the order in which they joined.
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    UNIQUE (user_id, workspace_id)
);
CREATE INDEX workspace_users_in_order ON workspace_users (workspace_id, id);

CREATE TABLE sessions (
    -- SHA-256 of the token that the browser keeps.
    digest BLOB PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- When users with a limit have asked, for as long as it matters.
CREATE TABLE questions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    asked_at TIMESTAMP NOT NULL
);
CREATE INDEX questions_by_user ON questions (user_id, asked_at);

-- 2026-11-23-000006_chat_log

-- How many exchanges there are, and of which time, among ids that follow one another: a block of
-- level 1 is of 16 ids, one of level 2 of 256, one of level 3 of 4,096. Who looks for the exchange
-- that is so-and-so far from the newest passes over whole blocks. Blocks without exchanges have no
-- row.
CREATE TABLE chat_blocks (
    level SMALLINT NOT NULL,
    -- The ids divided by their number.
    block BIGINT NOT NULL,
    chats BIGINT NOT NULL,
    -- No exchange is earlier or later. Removals leave these as they are.
    first_at TIMESTAMP NOT NULL,
    last_at TIMESTAMP NOT NULL,
    PRIMARY KEY (level, block)
) WITHOUT ROWID;

INSERT INTO chat_blocks (level, block, chats, first_at, last_at)
SELECT level, id / size, COUNT(*), MIN(created_at), MAX(created_at)
FROM chats, (SELECT 1 AS level, 16 AS size UNION SELECT 2, 256 UNION SELECT 3, 4096) AS levels
GROUP BY level, id / size;

CREATE TRIGGER chats_added AFTER INSERT ON chats BEGIN
    INSERT INTO chat_blocks (level, block, chats, first_at, last_at)
    VALUES
        (1, new.id / 16, 1, new.created_at, new.created_at),
        (2, new.id / 256, 1, new.created_at, new.created_at),
        (3, new.id / 4096, 1, new.created_at, new.created_at)
    ON CONFLICT (level, block) DO UPDATE SET
        chats = chats + 1,
        first_at = MIN(first_at, excluded.first_at),
        last_at = MAX(last_at, excluded.last_at);
END;

CREATE TRIGGER chats_removed AFTER DELETE ON chats BEGIN
    UPDATE chat_blocks SET chats = chats - 1 WHERE level = 1 AND block = old.id / 16;
    UPDATE chat_blocks SET chats = chats - 1 WHERE level = 2 AND block = old.id / 256;
    UPDATE chat_blocks SET chats = chats - 1 WHERE level = 3 AND block = old.id / 4096;
    DELETE FROM chat_blocks WHERE level = 1 AND block = old.id / 16 AND chats = 0;
    DELETE FROM chat_blocks WHERE level = 2 AND block = old.id / 256 AND chats = 0;
    DELETE FROM chat_blocks WHERE level = 3 AND block = old.id / 4096 AND chats = 0;
END;

-- 2026-11-23-000007_audit_log

-- What was changed, by whom and from where. Ids have no gaps and are in the order of commits.
CREATE TABLE events (
    id INTEGER PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    -- JSON.
    details TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT,
    at TIMESTAMP NOT NULL,
    -- Links the event to the one before it.
    digest BLOB NOT NULL
);
CREATE INDEX events_by_name ON events (name, id);

-- One row: the newest event, which whoever writes the next one locks.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    last_id BIGINT NOT NULL,
    digest BLOB NOT NULL
);
INSERT INTO audit_head (id, last_id, digest) VALUES (1, 0, zeroblob(32));

-- 2026-11-23-000008_sign_in_tokens

-- What signs its user in, once. A user has one at most.
CREATE TABLE sign_in_tokens (
    -- SHA-256 of the token.
    digest BLOB PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    expires_at TIMESTAMP NOT NULL,
    created_at TIMESTAMP NOT NULL
);
