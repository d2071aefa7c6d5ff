DROP INDEX thread_members_by_change;
DROP INDEX channel_invites_by_change;
DROP INDEX reminders_by_change;
DROP INDEX scheduled_messages_by_change;
DROP TABLE stars;
