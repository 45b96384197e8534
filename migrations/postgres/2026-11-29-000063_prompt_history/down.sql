DROP TABLE prompt_history;
