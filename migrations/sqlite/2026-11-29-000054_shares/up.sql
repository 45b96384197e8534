-- Links by which people without an account read a conversation.
CREATE TABLE shares (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    thread_id INTEGER REFERENCES threads (id) ON DELETE CASCADE,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of what the link holds.
    digest BLOB NOT NULL UNIQUE,
    -- The last exchange that the link shows.
    last_chat_id BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX shares_by_workspace ON shares (workspace_id);
CREATE INDEX shares_by_thread ON shares (thread_id) WHERE thread_id IS NOT NULL;
CREATE INDEX shares_by_user ON shares (user_id, id);
