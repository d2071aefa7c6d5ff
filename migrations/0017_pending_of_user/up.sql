-- What of a user's own waits for approval, newest first: told to devices that sync.
CREATE INDEX pending_messages_by_user ON pending_messages (app_id, user_id, created_at DESC, id DESC);
