-- Notes about a person that their questions carry.
CREATE TABLE memories (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Whom it is about; the owner of a server without users when absent.
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    -- Where it counts; in every workspace when absent.
    workspace_id INTEGER REFERENCES workspaces (id) ON DELETE CASCADE,
    content TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX memories_by_user ON memories (user_id, id);
CREATE INDEX memories_by_workspace ON memories (workspace_id) WHERE workspace_id IS NOT NULL;
