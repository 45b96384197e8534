DROP TABLE chats;
DROP TABLE threads;
DROP TABLE workspaces;
