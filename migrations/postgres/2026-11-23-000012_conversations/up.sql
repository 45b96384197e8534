-- The sessions of a workspace, by name, and its pinned documents.
CREATE INDEX chats_of_sessions ON chats (workspace_id, session, created_at)
    WHERE session IS NOT NULL AND thread_id IS NULL;
CREATE INDEX workspace_documents_pinned ON workspace_documents (workspace_id, id) WHERE pinned;
