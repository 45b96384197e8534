-- Files that stay with a thread: every question in it is asked with their texts.
CREATE TABLE thread_files (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    thread_id INTEGER NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- What was read of the file.
    text TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX thread_files_by_thread ON thread_files (thread_id, id);
