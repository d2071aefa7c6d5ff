-- Polls. The poll stands in its message's row, with its options and how many votes each has, written under the channel's
-- lock in the transaction that changes the votes, so the two can't differ.

ALTER TABLE messages
    -- {"options": [{"id", "text", "votes", "suggested_by"}], "voters", "max_votes", …}. NULL for what is no poll.
    ADD COLUMN poll jsonb;

CREATE TABLE poll_votes (
    app_id uuid NOT NULL,
    message_id uuid NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    -- The option's id within the poll.
    option text COLLATE "C" NOT NULL,
    -- The channel's `seq` of the change that made it.
    seq bigint NOT NULL,
    created_at timestamptz NOT NULL,
    -- What a user voted for in some polls.
    PRIMARY KEY (app_id, message_id, user_id, option),
    FOREIGN KEY (app_id, message_id) REFERENCES messages (app_id, id) ON DELETE CASCADE,
    FOREIGN KEY (app_id, user_id) REFERENCES users (app_id, id)
);
-- Who voted, newest first. Votes of one change share its `seq`.
CREATE INDEX poll_votes_by_seq ON poll_votes (app_id, message_id, seq, option);
-- The same for one option: a poll may have many votes for another.
CREATE INDEX poll_votes_by_option ON poll_votes (app_id, message_id, option, seq);
ALTER TABLE poll_votes ENABLE ROW LEVEL SECURITY;
ALTER TABLE poll_votes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON poll_votes USING (app_id = parlor_current_app());

GRANT SELECT, INSERT, UPDATE, DELETE ON poll_votes TO parlor_app;
