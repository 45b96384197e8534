DROP INDEX workspace_documents_pinned;
DROP INDEX chats_of_sessions;
