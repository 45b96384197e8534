DROP TABLE deleted_chats;
DROP TABLE deletions;
ALTER TABLE threads DROP COLUMN deleted_at;
