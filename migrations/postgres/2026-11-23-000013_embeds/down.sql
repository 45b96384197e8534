DROP TABLE embed_questions;
DROP TABLE embed_chats;
DROP TABLE embeds;
