-- Where a passage stands in the original: the headings above it, a line each, and its page, slide, rows
-- or seconds, as `page 3 4`. Null where nothing is known, and in rows of earlier versions.
ALTER TABLE chunks ADD COLUMN headings TEXT;
ALTER TABLE chunks ADD COLUMN locator TEXT;
