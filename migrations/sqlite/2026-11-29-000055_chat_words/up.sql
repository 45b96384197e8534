-- The words of questions and answers, by which people find their conversations. An answer is stored as JSON, of
-- which the text counts; one that is damaged counts as it is.
CREATE VIRTUAL TABLE chat_words USING fts5 (
    words,
    content = '',
    contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO chat_words (rowid, words)
    SELECT id, prompt || ' ' || COALESCE(CASE WHEN json_valid(response) THEN json_extract(response, '$.text') ELSE response END, '')
    FROM chats;
CREATE TRIGGER chats_add_their_words AFTER INSERT ON chats
BEGIN
    INSERT INTO chat_words (rowid, words) VALUES (
        new.id,
        new.prompt || ' ' || COALESCE(CASE WHEN json_valid(new.response) THEN json_extract(new.response, '$.text') ELSE new.response END, '')
    );
END;
CREATE TRIGGER chats_change_their_words AFTER UPDATE OF prompt, response ON chats
BEGIN
    DELETE FROM chat_words WHERE rowid = old.id;
    INSERT INTO chat_words (rowid, words) VALUES (
        new.id,
        new.prompt || ' ' || COALESCE(CASE WHEN json_valid(new.response) THEN json_extract(new.response, '$.text') ELSE new.response END, '')
    );
END;
CREATE TRIGGER chats_take_their_words_along AFTER DELETE ON chats
BEGIN
    DELETE FROM chat_words WHERE rowid = old.id;
END;
