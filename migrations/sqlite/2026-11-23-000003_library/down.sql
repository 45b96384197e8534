DROP TABLE workspace_documents;
DROP TABLE unsettled_files;
DROP TABLE documents;
