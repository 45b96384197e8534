-- Images that were moved stay lost to earlier versions; the answers and their texts do not.
DROP TABLE chat_image_backlog;
ALTER TABLE chats DROP COLUMN image_bytes;
DROP TABLE chat_images;
