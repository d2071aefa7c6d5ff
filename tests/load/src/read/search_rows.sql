-- :messages messages of twelve words over :channels channels, sent in the last two years; the reader is in 1,000 of them.
-- Words are as unequal as those of a language: the first of 50,000 stands in every third message, the last in one of
-- twelve thousand.
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';
SELECT setseed(0.5);
CREATE TEMP TABLE made AS
SELECT app.id AS app_id, n AS n, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
    greatest(:messages / :channels, 1) AS size
FROM (SELECT id FROM apps LIMIT 1) app, generate_series(1, :channels) n;

INSERT INTO users (app_id, id, name, created_at, updated_at)
SELECT app.id, u, 'The name of ' || u, now(), now()
FROM (SELECT id FROM apps LIMIT 1) app,
    (SELECT 'reader' AS u UNION ALL SELECT 'other-' || n FROM generate_series(0, 99) n) users;

INSERT INTO channels (app_id, id, type, cid, seq, ordinal, member_count, last_message_at, created_at, updated_at)
SELECT app_id, id, 'messaging', 'messaging:made-' || n, size, size, 2, now(), now(), now() FROM made;

INSERT INTO channel_members (app_id, channel_id, user_id, role, read_seq, read_ordinal, joined_at, updated_seq)
SELECT app_id, id, 'other-' || n % 100, 'member', 0, 0, now(), 1 FROM made
UNION ALL
SELECT app_id, id, 'reader', 'member', 0, 0, now(), 1 FROM made WHERE n % (:channels / 1000) = 0;

INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, countable, text, fingerprint, created_at)
SELECT app_id, gen_random_uuid(), id, 'other-' || n % 100, s, s, s, true,
    (SELECT string_agg('w' || floor(50000 * power(random(), 3))::int, ' ') FROM generate_series(1, 12) w WHERE s + w > 0),
    0, now() - random() * interval '730 days'
FROM made, generate_series(1, size) s;

-- As the index job writes them; the index is built afterwards, which is quicker than row by row.
CREATE TEMP TABLE search_index AS SELECT pg_get_indexdef('message_search_words'::regclass) AS definition;
DROP INDEX message_search_words;
INSERT INTO message_search (app_id, message_id, channel_id, created_at, seq, updated_seq, words)
SELECT app_id, id, channel_id, created_at, seq, updated_seq, to_tsvector('simple', text)
    || array_to_tsvector(ARRAY[E'\x01a' || replace(app_id::text, '-', ''), E'\x01c' || replace(channel_id::text, '-', ''),
        E'\x01u' || user_id, E'\x01d0' || day, E'\x01d1' || day / 8, E'\x01d2' || day / 64, E'\x01d3' || day / 512])
FROM (SELECT *, floor(extract(epoch FROM created_at) / 86400)::bigint AS day FROM messages) messages;
DO $$ BEGIN EXECUTE (SELECT definition FROM search_index); END $$;
SET session_replication_role = DEFAULT;
RESET maintenance_work_mem;
