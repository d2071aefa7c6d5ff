ALTER TABLE channels DROP COLUMN imported_seq;
