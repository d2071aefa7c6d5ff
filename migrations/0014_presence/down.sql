DROP TABLE watched_channels, status_ends, user_sessions;
ALTER TABLE users
    DROP COLUMN online,
    DROP COLUMN status,
    DROP COLUMN resting,
    DROP COLUMN status_text,
    DROP COLUMN status_color,
    DROP COLUMN status_expires_at,
    DROP COLUMN status_before,
    DROP COLUMN last_seen_at;
