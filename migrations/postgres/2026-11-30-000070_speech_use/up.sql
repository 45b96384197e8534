-- How much was heard and spoken for whom on the days that still count.
CREATE TABLE speech_use (
    -- As the audit log names it.
    actor TEXT NOT NULL,
    -- `heard` or `spoken`.
    kind TEXT NOT NULL,
    -- In UTC, counted from 1970-01-01.
    day INTEGER NOT NULL,
    seconds BIGINT NOT NULL,
    PRIMARY KEY (actor, kind, day)
);
