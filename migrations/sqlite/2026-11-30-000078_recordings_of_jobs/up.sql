-- Of a document that is made of a recording by the job itself: what the file was called,
ALTER TABLE job_items ADD COLUMN recording TEXT;
-- where it is and what is made of it, until it is transcribed,
ALTER TABLE job_items ADD COLUMN recording_details TEXT;
-- how many of its seconds are done, and how many there are.
ALTER TABLE job_items ADD COLUMN heard INTEGER;
ALTER TABLE job_items ADD COLUMN duration INTEGER;
CREATE INDEX job_items_to_transcribe ON job_items (job_id) WHERE recording_details IS NOT NULL;
