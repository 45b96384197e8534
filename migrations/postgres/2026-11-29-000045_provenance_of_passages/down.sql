ALTER TABLE chunks DROP COLUMN locator;
ALTER TABLE chunks DROP COLUMN headings;
