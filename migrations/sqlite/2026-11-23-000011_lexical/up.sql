-- Which words passages hold. The words themselves are kept nowhere but in the index. Each stands under its
-- workspace, as `17_word`, so that what one workspace holds does not slow down another.
CREATE VIRTUAL TABLE passage_words USING fts5 (
    words,
    content = '',
    contentless_delete = 1,
    detail = 'none',
    tokenize = "ascii tokenchars '_'"
);
CREATE TRIGGER chunks_take_their_words_along AFTER DELETE ON chunks
BEGIN
    DELETE FROM passage_words WHERE rowid = old.id;
END;

-- Which version of the program's way of taking words from text filled the index; 0 before it is filled.
CREATE TABLE lexical_version (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    version INTEGER NOT NULL
);
INSERT INTO lexical_version (id, version) VALUES (1, 0);
