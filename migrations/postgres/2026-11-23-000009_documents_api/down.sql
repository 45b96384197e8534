DROP TABLE repeatable_requests;
DROP TABLE folders;
DROP INDEX documents_by_name;
DROP INDEX documents_by_upload;
DROP INDEX documents_by_request;
DROP INDEX documents_by_external_key;
ALTER TABLE documents DROP COLUMN request;
ALTER TABLE documents DROP COLUMN upload_digest;
ALTER TABLE documents DROP COLUMN part;
ALTER TABLE documents DROP COLUMN external_key;
ALTER TABLE documents DROP COLUMN metadata;
ALTER TABLE documents
    ALTER COLUMN folder TYPE TEXT COLLATE "default",
    ALTER COLUMN name TYPE TEXT COLLATE "default";
ALTER TABLE unsettled_files
    ALTER COLUMN folder TYPE TEXT COLLATE "default",
    ALTER COLUMN name TYPE TEXT COLLATE "default";
