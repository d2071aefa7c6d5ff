DROP INDEX pending_messages_by_user;
