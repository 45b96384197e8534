CREATE INDEX workspace_documents_by_document ON workspace_documents (document_id);
DROP INDEX workspace_documents_marks;
