DROP TABLE questions;
DROP TABLE sessions;
DROP TABLE workspace_users;
DROP TABLE invites;
