-- What waits for approval was sent, as far as was known.
ALTER TABLE scheduled_messages NO FORCE ROW LEVEL SECURITY;
UPDATE scheduled_messages SET state = 'sent' WHERE state = 'pending';
ALTER TABLE scheduled_messages FORCE ROW LEVEL SECURITY;
ALTER TABLE scheduled_messages DROP CONSTRAINT scheduled_messages_state_check, DROP CONSTRAINT scheduled_messages_check;
ALTER TABLE scheduled_messages
    ADD CONSTRAINT scheduled_messages_state_check CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'cancelled')),
    ADD CONSTRAINT scheduled_messages_check CHECK ((content IS NULL) = (state IN ('sent', 'cancelled')));

DROP FUNCTION parlor_search_messages(text, uuid[], timestamptz, uuid, timestamptz, bigint, uuid[], bigint[], text);
-- The newest matches before a position. Channels in `limited` are read from the `seq` at the same place on. EXECUTE plans each search for its own words.
CREATE FUNCTION parlor_search_messages(
    looked_for text, channels uuid[], before timestamptz, before_id uuid, since timestamptz, most bigint,
    limited uuid[], history_from bigint[]
) RETURNS TABLE (message_id uuid, created_at timestamptz)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE
        'SELECT s.message_id, s.created_at FROM message_search s
         WHERE s.words @@ $1::tsquery AND s.app_id = parlor_current_app()
             AND ($2 IS NULL OR s.channel_id = ANY ($2))
             AND (s.created_at, s.message_id) < ($3, $4) AND s.created_at >= $5
             AND NOT EXISTS (SELECT FROM unnest($7, $8) AS l (channel, first)
                 WHERE l.channel = s.channel_id AND s.seq < l.first)
         ORDER BY s.created_at DESC, s.message_id DESC LIMIT $6'
        USING looked_for, channels, before, before_id, since, most, limited, history_from;
END $$;
REVOKE ALL ON FUNCTION parlor_search_messages(text, uuid[], timestamptz, uuid, timestamptz, bigint, uuid[], bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parlor_search_messages(text, uuid[], timestamptz, uuid, timestamptz, bigint, uuid[], bigint[]) TO parlor_app;
