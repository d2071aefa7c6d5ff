-- Who is told that something waits for approval: those of a channel's many members who may approve it.
CREATE INDEX channel_members_moderating ON channel_members (app_id, channel_id, user_id)
    WHERE role IN ('moderator', 'admin', 'owner') AND removed_at IS NULL;
