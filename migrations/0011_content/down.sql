DROP TABLE pending_messages;
DROP TABLE user_group_members;
DROP TABLE user_groups;
DROP FUNCTION parlor_may_read(uuid, uuid, text, text[], text);
DROP INDEX messages_deleted_replies;
CREATE INDEX messages_deleted_replies ON messages (app_id, parent_id, thread_ordinal)
    WHERE parent_id IS NOT NULL AND deleted_at IS NOT NULL;
DROP INDEX messages_live;
ALTER TABLE messages
    DROP COLUMN live_until,
    DROP COLUMN visible_to,
    DROP COLUMN silent,
    DROP COLUMN group_mentions,
    DROP COLUMN content,
    DROP COLUMN content_type;
