DROP TABLE tasks;
DROP TABLE thread_members;
-- Indexes on these columns go with them.
ALTER TABLE messages
    DROP in_timeline,
    DROP thread_ordinal,
    DROP reply_count,
    DROP participant_count,
    DROP participants,
    DROP last_reply_at,
    DROP quoted,
    DROP forwarded_from;
DROP INDEX messages_by_thread;
DROP INDEX messages_by_quoted;
CREATE UNIQUE INDEX messages_by_seq ON messages (app_id, channel_id, seq);
