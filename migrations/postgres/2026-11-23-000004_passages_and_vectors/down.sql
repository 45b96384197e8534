DROP TABLE vectors;
DROP TABLE vector_codes;
DROP TABLE chunks;
DROP TABLE namespaces;
