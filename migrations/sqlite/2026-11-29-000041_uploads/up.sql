-- Uploads that are stored in several transactions, until the last of them is committed.
CREATE TABLE uploads (
    id TEXT PRIMARY KEY NOT NULL,
    begun_at TIMESTAMP NOT NULL
);
CREATE INDEX uploads_by_time ON uploads (begun_at);

-- The upload that stored the document at the path, while that may have to be undone.
ALTER TABLE unsettled_files ADD COLUMN upload TEXT;
CREATE INDEX unsettled_files_by_upload ON unsettled_files (upload) WHERE upload IS NOT NULL;

-- The upload that still adds items to the job. Nobody works on it before that is over.
ALTER TABLE jobs ADD COLUMN upload TEXT;
CREATE INDEX jobs_by_upload ON jobs (upload) WHERE upload IS NOT NULL;
