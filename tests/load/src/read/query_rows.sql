-- :messages messages over :channels channels with ten members each; the reader is in a hundredth of them.
SET session_replication_role = replica;
CREATE TEMP TABLE made AS
SELECT app.id AS app_id, n AS n, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
    greatest(:messages / :channels, 1) AS size, now() - n * interval '1 second' AS at
FROM (SELECT id FROM apps LIMIT 1) app, generate_series(1, :channels) n;

INSERT INTO users (app_id, id, name, created_at, updated_at)
SELECT app.id, u, 'The name of ' || u, now(), now()
FROM (SELECT id FROM apps LIMIT 1) app,
    (SELECT 'reader' AS u UNION ALL SELECT 'other-' || n FROM generate_series(0, 99) n) users;

INSERT INTO channels (app_id, id, type, cid, name, custom, seq, ordinal, member_count, last_message_at, created_at, updated_at)
SELECT app_id, id, 'messaging', 'messaging:made-' || n, 'Channel ' || md5(n::text), jsonb_build_object('part', n / 100 % 10),
    size, size, 10, at, at, at FROM made;

INSERT INTO channel_members (app_id, channel_id, user_id, role, read_seq, read_ordinal, joined_at, updated_seq)
SELECT app_id, id, 'other-' || m, 'member', 0, 0, at, 1 FROM made, generate_series(0, 8) m
UNION ALL
SELECT app_id, id, CASE WHEN n % 100 = 0 THEN 'reader' ELSE 'other-' || (10 + n % 90) END, 'member',
    greatest(size - n % 7, 0), greatest(size - n % 7, 0), at, 1
FROM made;

INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, countable, text, fingerprint, created_at)
SELECT app_id, gen_random_uuid(), id, 'other-' || s % 9, s, s, s, true, repeat('A line of words. ', 6), 0, at
FROM made, generate_series(1, size) s;
SET session_replication_role = DEFAULT;
