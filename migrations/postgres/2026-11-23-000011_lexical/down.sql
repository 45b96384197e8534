DROP TABLE lexical_version;
DROP TABLE passage_words;
