-- What an answer cost. Null where the model did not say, and in rows of earlier versions.
ALTER TABLE chats ADD COLUMN prompt_tokens INTEGER;
ALTER TABLE chats ADD COLUMN completion_tokens INTEGER;
ALTER TABLE embed_chats ADD COLUMN prompt_tokens INTEGER;
ALTER TABLE embed_chats ADD COLUMN completion_tokens INTEGER;
-- All that a sum of them needs, so that no exchange is read for it. Every row meets the condition;
-- it keeps queries that do not name it, those of the log by time, with the indexes of their order.
CREATE INDEX chats_by_cost
    ON chats (created_at, workspace_id, user_id, prompt_tokens, completion_tokens)
    WHERE id > 0;
CREATE INDEX embed_chats_by_cost
    ON embed_chats (created_at, embed_id, prompt_tokens, completion_tokens);
