ALTER TABLE sessions DROP COLUMN issued_by;
ALTER TABLE sign_in_tokens DROP COLUMN issued_by;
