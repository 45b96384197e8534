-- What `{name}` stands for in the instructions of workspaces.
CREATE TABLE prompt_variables (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL,
    description TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
