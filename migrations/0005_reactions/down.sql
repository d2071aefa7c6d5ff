DROP TABLE pins;
DROP TABLE reactions;
ALTER TABLE messages DROP COLUMN pinned, DROP COLUMN reactions;
