DROP TABLE extension_keys;
