DROP INDEX chats_by_words;
DROP FUNCTION carrel_chat_words;
DROP FUNCTION carrel_chat_text;
