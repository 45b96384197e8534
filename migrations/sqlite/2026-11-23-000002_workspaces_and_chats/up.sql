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
CREATE INDEX threads_in_order ON threads (workspace_id, id);
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
CREATE INDEX chats_of_no_thread ON chats (workspace_id, id)
    WHERE thread_id IS NULL AND session IS NULL;
CREATE INDEX chats_by_thread ON chats (thread_id, id) WHERE thread_id IS NOT NULL;
CREATE INDEX chats_by_user ON chats (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX chats_by_session ON chats (session, id) WHERE session IS NOT NULL;
CREATE INDEX chats_by_feedback ON chats (feedback, id) WHERE feedback IS NOT NULL;
