-- Where a passage stands in the text of its document, in characters (Unicode scalar values) from the
-- beginning; the end is behind its last. Null in rows of earlier versions.
ALTER TABLE chunks ADD COLUMN span_start INTEGER;
ALTER TABLE chunks ADD COLUMN span_end INTEGER;
