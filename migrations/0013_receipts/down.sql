DROP INDEX user_messages_unread_mentions;
ALTER TABLE users DROP hides_reads, DROP hides_deliveries, DROP hides_typing, DROP settings_seq;
ALTER TABLE channel_members DROP delivered_seq, DROP delivered_at;
