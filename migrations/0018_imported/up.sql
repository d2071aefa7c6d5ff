-- The newest `seq` that an import gave: up to there the times of messages need not follow their places.
ALTER TABLE channels ADD COLUMN imported_seq bigint NOT NULL DEFAULT 0;
