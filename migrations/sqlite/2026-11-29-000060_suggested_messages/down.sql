DROP TABLE suggested_messages;
