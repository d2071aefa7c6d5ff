-- What a user created, when the user is deleted: its channels a few at a time, and whether any is left. Sends change none
-- of these columns, so their updates stay in the page (HOT).
CREATE INDEX channels_by_creator ON channels (app_id, created_by, id) WHERE created_by IS NOT NULL;
