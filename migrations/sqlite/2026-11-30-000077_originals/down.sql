DELETE FROM settings WHERE key = 'keep_originals';
DROP TABLE originals;
