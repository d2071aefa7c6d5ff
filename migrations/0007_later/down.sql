DROP TABLE due;
DROP TABLE reminders;
DROP TABLE scheduled_messages;
DROP TABLE drafts;
