-- Pictures that people uploaded, written anew as small PNG files. Their names are in workspaces.pfp_filename, and
-- in the setting logo_filename.
CREATE TABLE pictures (
    name TEXT PRIMARY KEY NOT NULL,
    -- NULL for the logo of the server, which has one at most.
    workspace_id INTEGER UNIQUE REFERENCES workspaces (id) ON DELETE CASCADE,
    png BYTEA NOT NULL,
    created_at TIMESTAMP NOT NULL
);
-- Names that imports noted before there was a place for the pictures themselves.
UPDATE workspaces SET pfp_filename = NULL;
