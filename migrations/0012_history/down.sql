DROP INDEX tasks_of_message;
DROP INDEX reminders_by_message;
DELETE FROM due WHERE kind = 'deleted_message';
ALTER TABLE due DROP CONSTRAINT due_kind_check;
ALTER TABLE due ADD CONSTRAINT due_kind_check CHECK (kind IN ('scheduled_message', 'reminder'));
DROP TABLE deleted_messages;
DROP TABLE message_edits;
DROP INDEX channels_retained;
-- The other index goes with its columns.
ALTER TABLE channels DROP truncated_seq, DROP truncated_ordinal, DROP sweep_at;
ALTER TABLE apps DROP settings;
