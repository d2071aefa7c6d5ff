DROP TABLE poll_votes;
ALTER TABLE messages DROP COLUMN poll;
