-- Questions that an empty conversation of a workspace offers.
CREATE TABLE suggested_messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    heading TEXT NOT NULL,
    message TEXT NOT NULL
);
CREATE INDEX suggested_messages_by_workspace ON suggested_messages (workspace_id, id);
