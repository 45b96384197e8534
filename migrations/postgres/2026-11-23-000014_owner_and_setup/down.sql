ALTER TABLE sessions DROP COLUMN address;
DROP TABLE setup_links;
DROP TABLE owner_sessions;
DROP TABLE owner;
