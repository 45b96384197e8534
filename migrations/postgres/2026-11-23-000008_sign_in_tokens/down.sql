DROP TABLE sign_in_tokens;
