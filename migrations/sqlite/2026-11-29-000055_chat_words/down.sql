DROP TRIGGER chats_take_their_words_along;
DROP TRIGGER chats_change_their_words;
DROP TRIGGER chats_add_their_words;
DROP TABLE chat_words;
