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
