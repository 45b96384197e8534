CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- `update-embeddings` or `refresh-embeddings`.
    kind TEXT NOT NULL,
    -- `queued`, `running`, `done`, `failed` or `cancelled`.
    state TEXT NOT NULL,
    workspace_id INTEGER NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    -- Who asked, as the audit log names them.
    actor TEXT NOT NULL,
    address TEXT,
    -- Whether a client waits for the end.
    awaited BOOLEAN NOT NULL,
    cancelling BOOLEAN NOT NULL DEFAULT FALSE,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    changes BIGINT NOT NULL DEFAULT 0,
    -- The token of whoever works on it.
    lease TEXT,
    -- From when on it can be taken; of a running one, the end of its lease. Null once it is over.
    due_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    started_at TIMESTAMP,
    finished_at TIMESTAMP,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX jobs_due ON jobs (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_of_workspace ON jobs (workspace_id, id);
CREATE INDEX jobs_over ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;

CREATE TABLE job_items (
    job_id BIGINT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    folder TEXT NOT NULL,
    name TEXT NOT NULL,
    -- `queued`, `done`, `failed` or `cancelled`.
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    -- The job's count of changes when this changed last.
    changed BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, number)
) WITHOUT ROWID;
CREATE INDEX job_items_to_do ON job_items (job_id, state, attempts, number);
CREATE INDEX job_items_changed ON job_items (job_id, changed, number);

-- Vectors of texts that were embedded before, whichever documents they are in.
CREATE TABLE embeddings (
    -- SHA-256 of the model's identity and the text.
    key BLOB PRIMARY KEY NOT NULL,
    -- Little-endian 32-bit floats.
    vector BLOB NOT NULL,
    bytes INTEGER NOT NULL,
    -- To the hour.
    used_at TIMESTAMP NOT NULL
);
CREATE INDEX embeddings_by_use ON embeddings (used_at, bytes);

-- One row: what the vectors take together, so that nobody has to add it up.
CREATE TABLE embeddings_size (
    id INTEGER PRIMARY KEY NOT NULL,
    bytes BIGINT NOT NULL
);
INSERT INTO embeddings_size (id, bytes) VALUES (1, 0);
