DROP TABLE lexical_version;
DROP TRIGGER chunks_take_their_words_along;
DROP TABLE passage_words;
