-- What tells the vectors of this database from those of others in a store that several share.
-- Made once; a copy of the database gets another.
CREATE TABLE vector_name (
    name TEXT PRIMARY KEY NOT NULL
);
INSERT INTO vector_name (name) VALUES (lower(hex(randomblob(8))));
