-- How many exchanges there are, and of which time, among ids that follow one another: a block of
-- level 1 is of 16 ids, one of level 2 of 256, one of level 3 of 4,096. Who looks for the exchange
-- that is so-and-so far from the newest passes over whole blocks. Blocks without exchanges have no
-- row.
CREATE TABLE chat_blocks (
    level SMALLINT NOT NULL,
    -- The ids divided by their number.
    block BIGINT NOT NULL,
    chats BIGINT NOT NULL,
    -- No exchange is earlier or later. Removals leave these as they are.
    first_at TIMESTAMP NOT NULL,
    last_at TIMESTAMP NOT NULL,
    PRIMARY KEY (level, block)
);

INSERT INTO chat_blocks (level, block, chats, first_at, last_at)
SELECT level, id / size, COUNT(*), MIN(created_at), MAX(created_at)
FROM chats, (VALUES (1, 16), (2, 256), (3, 4096)) AS levels (level, size)
GROUP BY level, id / size;

-- Both lock blocks in one order, the larger first, so that they do not wait in a circle.
CREATE FUNCTION count_added_chats() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chat_blocks (level, block, chats, first_at, last_at)
    SELECT level, id / size, COUNT(*), MIN(created_at), MAX(created_at)
    FROM added, (VALUES (1, 16), (2, 256), (3, 4096)) AS levels (level, size)
    GROUP BY level, id / size
    ORDER BY level DESC, id / size
    ON CONFLICT (level, block) DO UPDATE SET
        chats = chat_blocks.chats + excluded.chats,
        first_at = LEAST(chat_blocks.first_at, excluded.first_at),
        last_at = GREATEST(chat_blocks.last_at, excluded.last_at);
    RETURN NULL;
END $$;

CREATE FUNCTION count_removed_chats() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM chat_blocks
    WHERE (level, block) IN (
        SELECT levels.level, removed.id / levels.size
        FROM removed, (VALUES (1, 16), (2, 256), (3, 4096)) AS levels (level, size)
    )
    ORDER BY level DESC, block
    FOR UPDATE;

    UPDATE chat_blocks SET chats = chat_blocks.chats - gone.chats
    FROM (
        SELECT levels.level, removed.id / levels.size AS block, COUNT(*) AS chats
        FROM removed, (VALUES (1, 16), (2, 256), (3, 4096)) AS levels (level, size)
        GROUP BY levels.level, removed.id / levels.size
    ) AS gone
    WHERE chat_blocks.level = gone.level AND chat_blocks.block = gone.block;

    DELETE FROM chat_blocks
    WHERE chats = 0 AND (level, block) IN (
        SELECT levels.level, removed.id / levels.size
        FROM removed, (VALUES (1, 16), (2, 256), (3, 4096)) AS levels (level, size)
    );
    RETURN NULL;
END $$;

CREATE TRIGGER chats_added AFTER INSERT ON chats
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_added_chats();
CREATE TRIGGER chats_removed AFTER DELETE ON chats
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION count_removed_chats();
