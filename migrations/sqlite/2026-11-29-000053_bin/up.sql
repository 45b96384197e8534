-- When its owner deleted a thread. It is kept for a while, and nobody sees it.
ALTER TABLE threads ADD COLUMN deleted_at TIMESTAMP;

-- What people deleted in the browser and can take back.
CREATE TABLE deletions (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- `thread`, `exchange` or `conversation`.
    kind TEXT NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    thread_id INTEGER REFERENCES threads (id) ON DELETE CASCADE,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    -- The thread, or the first question.
    name TEXT NOT NULL,
    deleted_at TIMESTAMP NOT NULL
);
CREATE INDEX deletions_by_time ON deletions (deleted_at);
CREATE INDEX deletions_by_user ON deletions (user_id, id);
CREATE INDEX deletions_by_workspace ON deletions (workspace_id);
CREATE INDEX deletions_by_thread ON deletions (thread_id) WHERE thread_id IS NOT NULL;

-- The exchanges of a deletion, which are hidden until then.
CREATE TABLE deleted_chats (
    deletion_id BIGINT NOT NULL REFERENCES deletions (id) ON DELETE CASCADE,
    chat_id BIGINT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    PRIMARY KEY (deletion_id, chat_id)
);
CREATE INDEX deleted_chats_by_chat ON deleted_chats (chat_id);
