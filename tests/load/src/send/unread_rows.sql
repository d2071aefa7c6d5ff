-- :messages messages over :channels channels with three members each; the reader is in a hundred of them and has up to
-- 49 unread messages in each. In every seventh channel the newest message was deleted.
SET session_replication_role = replica;
CREATE TEMP TABLE made AS
SELECT app.id AS app_id, n AS n, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
    :messages / :channels AS size
FROM (SELECT id FROM apps LIMIT 1) app, generate_series(1, :channels) n;

INSERT INTO users (app_id, id, created_at, updated_at)
SELECT app.id, u, now(), now()
FROM (SELECT id FROM apps LIMIT 1) app,
    (SELECT 'reader' AS u UNION ALL SELECT 'other-' || n FROM generate_series(0, 2) n) users;

INSERT INTO channels (app_id, id, type, cid, seq, ordinal, member_count, last_message_at, created_at, updated_at)
SELECT app_id, id, 'messaging', 'messaging:made-' || n, size, size, 3, now(), now(), now() FROM made;

INSERT INTO channel_members (app_id, channel_id, user_id, role, read_seq, read_ordinal, joined_at, updated_seq)
SELECT app_id, id, 'other-' || m, 'member', 0, 0, now(), 0 FROM made, generate_series(0, 2) m
UNION ALL
SELECT app_id, id, 'reader', 'member', greatest(size - number % 50, 0), greatest(size - number % 50, 0), now(), 0
FROM (SELECT *, n / (:channels / 100) AS number FROM made WHERE n % (:channels / 100) = 0) hundred;

INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, countable, text, fingerprint,
    created_at, deleted_at)
SELECT app_id, gen_random_uuid(), id, 'other-' || s % 3, s, s, s, true,
    CASE WHEN s = size AND n % 7 = 0 THEN '' ELSE repeat('x', 100) END, 0, now(),
    CASE WHEN s = size AND n % 7 = 0 THEN now() END
FROM made, generate_series(1, size) s;

-- Counted the slow way.
CREATE TEMP TABLE unread_expected AS
SELECT m.channel_id, count(*) AS unread
FROM channel_members m
JOIN messages ON messages.channel_id = m.channel_id AND messages.ordinal > m.read_ordinal
    AND messages.countable AND messages.deleted_at IS NULL
WHERE m.user_id = 'reader'
GROUP BY m.channel_id;
SET session_replication_role = DEFAULT;
