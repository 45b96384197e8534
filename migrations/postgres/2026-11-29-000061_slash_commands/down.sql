DROP TABLE slash_commands;
