-- A search gives only what its reader may read, so that neither a page nor its cursor tells of anything else. Matches are
-- sorted first and looked at in that order until there are enough, so it costs as many looks at messages as the page has.
DROP FUNCTION parlor_search_messages(text, uuid[], timestamptz, uuid, timestamptz, bigint, uuid[], bigint[]);
-- The newest matches before a position. Channels in `limited` are read from the `seq` at the same place on; a reader of
-- NULL reads all. EXECUTE plans each search for its own words.
CREATE FUNCTION parlor_search_messages(
    looked_for text, channels uuid[], before timestamptz, before_id uuid, since timestamptz, most bigint,
    limited uuid[], history_from bigint[], reader text
) RETURNS TABLE (message_id uuid, created_at timestamptz)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE
        'SELECT s.message_id, s.created_at FROM (
             SELECT s.message_id, s.created_at FROM message_search s
             WHERE s.words @@ $1::tsquery AND s.app_id = parlor_current_app()
                 AND ($2 IS NULL OR s.channel_id = ANY ($2))
                 AND (s.created_at, s.message_id) < ($3, $4) AND s.created_at >= $5
                 AND NOT EXISTS (SELECT FROM unnest($7, $8) AS l (channel, first)
                     WHERE l.channel = s.channel_id AND s.seq < l.first)
             ORDER BY s.created_at DESC, s.message_id DESC OFFSET 0) s
         CROSS JOIN LATERAL (SELECT FROM messages m
             WHERE m.app_id = parlor_current_app() AND m.id = s.message_id AND m.deleted_at IS NULL
                 AND (NOT m.shadowed OR $9 IS NULL OR m.user_id = $9)
                 AND (m.visible_to IS NULL
                     OR parlor_may_read(m.app_id, m.channel_id, m.user_id, m.visible_to, $9)) OFFSET 0) m
         ORDER BY s.created_at DESC, s.message_id DESC LIMIT $6'
        USING looked_for, channels, before, before_id, since, most, limited, history_from, reader;
END $$;
REVOKE ALL ON FUNCTION parlor_search_messages(text, uuid[], timestamptz, uuid, timestamptz, bigint, uuid[], bigint[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parlor_search_messages(text, uuid[], timestamptz, uuid, timestamptz, bigint, uuid[], bigint[], text) TO parlor_app;

-- What was due to be sent may wait for approval instead.
ALTER TABLE scheduled_messages DROP CONSTRAINT scheduled_messages_state_check, DROP CONSTRAINT scheduled_messages_check;
ALTER TABLE scheduled_messages
    ADD CONSTRAINT scheduled_messages_state_check
        CHECK (state IN ('waiting', 'sending', 'sent', 'pending', 'failed', 'cancelled')),
    ADD CONSTRAINT scheduled_messages_check CHECK ((content IS NULL) = (state IN ('sent', 'pending', 'cancelled')));
