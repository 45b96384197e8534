DROP TABLE speech_use;
