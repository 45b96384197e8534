-- When its owner moved a thread out of sight. NULL for threads in use.
ALTER TABLE threads ADD COLUMN archived_at TIMESTAMP;
