-- The words of questions and answers, by which people find their conversations. An answer is stored as JSON, of
-- which the text counts; one that is damaged counts as it is. A vector of words holds less than 1 MB.
CREATE FUNCTION carrel_chat_text(prompt TEXT, response TEXT) RETURNS TEXT
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN left(prompt, 50000) || ' ' || left(COALESCE(response::json ->> 'text', ''), 150000);
EXCEPTION WHEN OTHERS THEN
    RETURN left(prompt, 50000) || ' ' || left(response, 150000);
END;
$$;
CREATE FUNCTION carrel_chat_words(prompt TEXT, response TEXT) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN to_tsvector('pg_catalog.simple'::regconfig, carrel_chat_text(prompt, response));
EXCEPTION WHEN OTHERS THEN
    RETURN ''::tsvector;
END;
$$;
CREATE INDEX chats_by_words ON chats USING gin (carrel_chat_words(prompt, response));
