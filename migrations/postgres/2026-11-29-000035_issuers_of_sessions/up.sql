-- The user whose right a token was issued under, and with it the session that it opened. Both end
-- when that user loses the right.
ALTER TABLE sign_in_tokens ADD COLUMN issued_by INTEGER;
ALTER TABLE sessions ADD COLUMN issued_by INTEGER;

CREATE INDEX sign_in_tokens_by_issuer ON sign_in_tokens (issued_by);
CREATE INDEX sessions_by_issuer ON sessions (issued_by);
