-- Which words passages hold. Each stands under its workspace, as `17_word`, so that what one workspace holds
-- does not slow down another.
CREATE TABLE passage_words (
    chunk_id BIGINT PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE,
    words TSVECTOR NOT NULL
);
-- What was added last is searched one by one until it is sorted in, so there should not be much of it.
CREATE INDEX passage_words_by_word ON passage_words USING gin (words) WITH (gin_pending_list_limit = 512);

-- Which version of the program's way of taking words from text filled the index; 0 before it is filled.
CREATE TABLE lexical_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
);
INSERT INTO lexical_version (id, version) VALUES (1, 0);
