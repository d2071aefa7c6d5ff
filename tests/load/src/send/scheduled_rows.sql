-- Messages of the members of the small channels, all to be sent at the same moment, and their places in the queue.
WITH places AS (
    SELECT m.app_id, m.channel_id, m.user_id, row_number() OVER () - 1 AS place, count(*) OVER () AS places
    FROM channel_members m JOIN channels c ON (c.app_id, c.id) = (m.app_id, m.channel_id)
    WHERE m.removed_at IS NULL AND c.member_count = 5
), made AS (
    INSERT INTO scheduled_messages (app_id, id, channel_id, user_id, by_server, send_at, state, content, fingerprint,
        user_seq, created_at, updated_at)
    SELECT p.app_id, gen_random_uuid(), p.channel_id, p.user_id, false, now() + interval '3 seconds', 'waiting',
        jsonb_build_object('text', 'Scheduled message number ' || n || ', of the length that people usually write.'),
        0, 0, now(), now()
    FROM generate_series(0, :messages - 1) AS n JOIN places p ON p.place = n % p.places
    RETURNING app_id, id, user_id, send_at
)
INSERT INTO due (app_id, kind, user_id, id, available_at)
SELECT app_id, 'scheduled_message', user_id, id, send_at FROM made
