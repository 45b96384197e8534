-- Conversations about a workspace that pages of other sites offer to anybody.
CREATE TABLE embeds (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- What pages know it by: a UUID.
    key TEXT NOT NULL UNIQUE,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    enabled BOOLEAN NOT NULL,
    chat_mode TEXT NOT NULL,
    -- Of the pages that may use it, one a line; of any page when absent.
    origins TEXT,
    allow_model BOOLEAN NOT NULL,
    allow_temperature BOOLEAN NOT NULL,
    allow_prompt BOOLEAN NOT NULL,
    -- Questions in any 24 hours; unlimited when absent.
    day_limit INTEGER,
    -- Those of one session.
    session_limit INTEGER,
    -- How many earlier exchanges the model sees.
    history INTEGER,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX embeds_by_workspace ON embeds (workspace_id);
CREATE INDEX embeds_by_creator ON embeds (created_by);

-- Ids are in the order of time.
CREATE TABLE embed_chats (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    embed_id INTEGER NOT NULL REFERENCES embeds (id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    -- Whether later answers may see it.
    include BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMP NOT NULL,
    -- Where the question came from: JSON.
    connection TEXT,
    prompt TEXT NOT NULL,
    response TEXT NOT NULL
);
CREATE INDEX embed_chats_in_order ON embed_chats (embed_id, id);
CREATE INDEX embed_chats_by_session ON embed_chats (embed_id, session, id);

-- Questions of the last day, refused ones too.
CREATE TABLE embed_questions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    embed_id INTEGER NOT NULL REFERENCES embeds (id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    asked_at TIMESTAMP NOT NULL
);
CREATE INDEX embed_questions_by_time ON embed_questions (embed_id, asked_at);
CREATE INDEX embed_questions_by_session ON embed_questions (embed_id, session, asked_at);
