ALTER TABLE chunks DROP COLUMN span_end;
ALTER TABLE chunks DROP COLUMN span_start;
