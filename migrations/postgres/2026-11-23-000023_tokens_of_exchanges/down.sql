DROP INDEX embed_chats_by_cost;
DROP INDEX chats_by_cost;
ALTER TABLE embed_chats DROP COLUMN completion_tokens;
ALTER TABLE embed_chats DROP COLUMN prompt_tokens;
ALTER TABLE chats DROP COLUMN completion_tokens;
ALTER TABLE chats DROP COLUMN prompt_tokens;
