-- Short names for texts in messages. Those without a user are everybody's.
CREATE TABLE slash_commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Without its slash.
    name TEXT NOT NULL,
    prompt TEXT NOT NULL,
    description TEXT NOT NULL,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX slash_commands_of_everybody ON slash_commands (name) WHERE user_id IS NULL;
CREATE UNIQUE INDEX slash_commands_of_users ON slash_commands (user_id, name);
