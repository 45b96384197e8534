DROP INDEX jobs_by_upload;
ALTER TABLE jobs DROP COLUMN upload;
DROP INDEX unsettled_files_by_upload;
ALTER TABLE unsettled_files DROP COLUMN upload;
DROP TABLE uploads;
