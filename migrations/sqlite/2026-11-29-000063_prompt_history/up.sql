-- Earlier instructions of workspaces.
CREATE TABLE prompt_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    prompt TEXT NOT NULL,
    replaced_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    replaced_at TIMESTAMP NOT NULL
);
CREATE INDEX prompt_history_by_workspace ON prompt_history (workspace_id, id);
CREATE INDEX prompt_history_by_user ON prompt_history (replaced_by) WHERE replaced_by IS NOT NULL;
