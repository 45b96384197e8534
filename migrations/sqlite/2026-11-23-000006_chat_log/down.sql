DROP TRIGGER chats_removed;
DROP TRIGGER chats_added;
DROP TABLE chat_blocks;
