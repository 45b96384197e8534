-- Tells of a document whether it is in any workspace, and pinned or watched there, without its places
-- being read.
CREATE INDEX workspace_documents_marks ON workspace_documents (document_id, pinned, watched);
DROP INDEX workspace_documents_by_document;
