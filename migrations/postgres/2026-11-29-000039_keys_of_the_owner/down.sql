DROP INDEX api_keys_by_owner;
ALTER TABLE api_keys DROP COLUMN by_owner;
