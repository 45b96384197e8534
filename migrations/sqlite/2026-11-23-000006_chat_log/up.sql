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
) WITHOUT ROWID;

INSERT INTO chat_blocks (level, block, chats, first_at, last_at)
SELECT level, id / size, COUNT(*), MIN(created_at), MAX(created_at)
FROM chats, (SELECT 1 AS level, 16 AS size UNION SELECT 2, 256 UNION SELECT 3, 4096) AS levels
GROUP BY level, id / size;

CREATE TRIGGER chats_added AFTER INSERT ON chats BEGIN
    INSERT INTO chat_blocks (level, block, chats, first_at, last_at)
    VALUES
        (1, new.id / 16, 1, new.created_at, new.created_at),
        (2, new.id / 256, 1, new.created_at, new.created_at),
        (3, new.id / 4096, 1, new.created_at, new.created_at)
    ON CONFLICT (level, block) DO UPDATE SET
        chats = chats + 1,
        first_at = MIN(first_at, excluded.first_at),
        last_at = MAX(last_at, excluded.last_at);
END;

CREATE TRIGGER chats_removed AFTER DELETE ON chats BEGIN
    UPDATE chat_blocks SET chats = chats - 1 WHERE level = 1 AND block = old.id / 16;
    UPDATE chat_blocks SET chats = chats - 1 WHERE level = 2 AND block = old.id / 256;
    UPDATE chat_blocks SET chats = chats - 1 WHERE level = 3 AND block = old.id / 4096;
    DELETE FROM chat_blocks WHERE level = 1 AND block = old.id / 16 AND chats = 0;
    DELETE FROM chat_blocks WHERE level = 2 AND block = old.id / 256 AND chats = 0;
    DELETE FROM chat_blocks WHERE level = 3 AND block = old.id / 4096 AND chats = 0;
END;
