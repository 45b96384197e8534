DROP TABLE embeddings_size;
DROP TABLE embeddings;
DROP TABLE job_items;
DROP TABLE jobs;
