DROP INDEX job_items_to_transcribe;
ALTER TABLE job_items DROP COLUMN duration;
ALTER TABLE job_items DROP COLUMN heard;
ALTER TABLE job_items DROP COLUMN recording_details;
ALTER TABLE job_items DROP COLUMN recording;
