DROP TABLE vector_name;
