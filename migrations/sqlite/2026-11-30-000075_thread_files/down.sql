DROP TABLE thread_files;
