-- Images beside questions, apart from the stored answers that name them, so that histories are read
-- without them.
CREATE TABLE chat_images (
    chat_id BIGINT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    -- From 0, in the order of the attachments of the stored answer.
    place INTEGER NOT NULL,
    -- A data URL, or base64 alone: as the client sent it.
    content TEXT NOT NULL,
    PRIMARY KEY (chat_id, place)
);
-- The bytes of an exchange's images.
ALTER TABLE chats ADD COLUMN image_bytes BIGINT NOT NULL DEFAULT 0;

-- One row: exchanges up to this id were stored by earlier versions, and may still hold their images
-- in the stored answer. The server moves them in steps, from the newest on.
CREATE TABLE chat_image_backlog (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    up_to BIGINT NOT NULL
);
INSERT INTO chat_image_backlog (id, up_to) SELECT 1, COALESCE(MAX(id), 0) FROM chats;
