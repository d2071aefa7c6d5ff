-- Fifty messages in each of the reader's hundred most recently active channels, every fifth of them edited once.
SET session_replication_role = replica;
CREATE TEMP TABLE missed AS
SELECT c.app_id, c.id, c.seq, c.ordinal FROM channel_members m
JOIN channels c ON (c.app_id, c.id) = (m.app_id, m.channel_id)
WHERE m.user_id = 'reader' ORDER BY c.last_message_at DESC LIMIT 100;

INSERT INTO messages (app_id, id, channel_id, user_id, seq, updated_seq, ordinal, countable, text, fingerprint, created_at,
    edited_at)
SELECT app_id, gen_random_uuid(), id, 'other-' || s % 9, seq + s, CASE WHEN s % 5 = 0 THEN seq + 50 + s / 5 ELSE seq + s END,
    ordinal + s, true, 'Message ' || md5(id::text || s) || ' of about a hundred characters, as people write them: ' || s, 0,
    now(), CASE WHEN s % 5 = 0 THEN now() END
FROM missed, generate_series(1, 50) s;

UPDATE channels c SET seq = c.seq + 60, ordinal = c.ordinal + 50, last_message_at = now()
FROM missed m WHERE (c.app_id, c.id) = (m.app_id, m.id);
SET session_replication_role = DEFAULT;
ANALYZE messages;
