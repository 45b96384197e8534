DROP TRIGGER chats_removed ON chats;
DROP TRIGGER chats_added ON chats;
DROP FUNCTION count_removed_chats;
DROP FUNCTION count_added_chats;
DROP TABLE chat_blocks;
