-- What tells the vectors of this database from those of others in a store that several share.
-- Made once.
CREATE TABLE vector_name (
    name TEXT PRIMARY KEY
);
INSERT INTO vector_name (name) VALUES (substr(md5(gen_random_uuid()::text), 1, 16));
