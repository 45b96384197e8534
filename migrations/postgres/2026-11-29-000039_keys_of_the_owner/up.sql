-- Whether the owner of a server without users made the key, or a key of theirs did. Such keys become
-- the first admin's.
ALTER TABLE api_keys ADD COLUMN by_owner BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX api_keys_by_owner ON api_keys (by_owner);

-- Who made the keys that are there already is in the audit log.
WITH RECURSIVE made (id, actor) AS (
    SELECT api_keys.id, events.actor
    FROM api_keys
    JOIN events ON events.name = 'api_key_created'
        AND events.details LIKE '%"prefix":"' || api_keys.prefix || '"%'
    WHERE api_keys.created_by IS NULL AND api_keys.origin = 'created' AND api_keys.prefix <> ''
), of_owner (id) AS (
    SELECT id FROM made WHERE actor = 'owner'
    UNION
    SELECT made.id FROM of_owner JOIN made ON made.actor = 'key:' || of_owner.id
)
UPDATE api_keys SET by_owner = TRUE WHERE id IN (SELECT id FROM of_owner);

-- Where there are users by now, the keys become the admin's who has been there longest.
UPDATE api_keys
SET created_by = (SELECT MIN(id) FROM users WHERE role = 'admin'), by_owner = FALSE
WHERE by_owner AND EXISTS (SELECT 1 FROM users WHERE role = 'admin');
