DROP INDEX documents_without_sought;
DROP INDEX documents_of_folder_by_time;
DROP INDEX documents_by_time;
ALTER TABLE documents DROP COLUMN sought;
