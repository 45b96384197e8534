DROP TABLE prompt_variables;
