-- Receipts: how far a member's devices got messages, and who does not want others to know what they read, got or type.

ALTER TABLE channel_members
    -- The newest message that arrived at a device of the member; only moves forward.
    ADD delivered_seq bigint NOT NULL DEFAULT 0,
    ADD delivered_at timestamptz;

ALTER TABLE users
    -- What others are not told of this user.
    ADD hides_reads boolean NOT NULL DEFAULT false,
    ADD hides_deliveries boolean NOT NULL DEFAULT false,
    ADD hides_typing boolean NOT NULL DEFAULT false,
    -- The user's own `seq` of the last change of these three.
    ADD settings_seq bigint NOT NULL DEFAULT 0;

-- How many unread messages mention the user, by channel.
CREATE INDEX user_messages_unread_mentions ON user_messages (app_id, user_id, channel_id, seq) WHERE flags & 3 = 2;
