DROP INDEX sessions_by_issuer;
DROP INDEX sign_in_tokens_by_issuer;
ALTER TABLE sessions DROP COLUMN issued_by;
ALTER TABLE sign_in_tokens DROP COLUMN issued_by;
