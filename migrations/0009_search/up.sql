-- What messages are searched by, kept by a job beside the messages, so that sending pays nothing for it.

-- Users are searched by any part of their name.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE message_search (
    app_id uuid NOT NULL,
    message_id uuid NOT NULL,
    channel_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    -- Its place in the channel, of which a member may read no more than from one on.
    seq bigint NOT NULL,
    -- The state of the message that is indexed: an older one never replaces a newer one.
    updated_seq bigint NOT NULL,
    -- The words of the text with their places, and, behind a control character, what else one can look for: app,
    -- channel, author, who is mentioned, kinds of attachments, and the day in four sizes. One index serves all of it
    -- together. NULL when the message is deleted.
    words tsvector,
    PRIMARY KEY (app_id, message_id),
    FOREIGN KEY (app_id, message_id) REFERENCES messages (app_id, id) ON DELETE CASCADE
);
-- Searches. What is new waits in a list that is short, because every search reads all of it (1 MB: under a
-- millisecond), and goes into the index together, which costs a third of one by one.
CREATE INDEX message_search_words ON message_search USING gin (words)
    WITH (fastupdate = on, gin_pending_list_limit = 1024);
-- Searches have this one index to choose; statistics of words would cost a tenth of a second each time for nothing.
ALTER TABLE message_search ALTER COLUMN words SET STATISTICS 0;
ALTER TABLE message_search ENABLE ROW LEVEL SECURITY;
ALTER TABLE message_search FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON message_search USING (app_id = parlor_current_app());
-- Matching words is not leakproof, so under the policy above it is done row by row after it, and no index serves it.
-- The function below is the one that looks past the policy, and says itself whose rows it gives.
CREATE POLICY search ON message_search FOR SELECT TO parlor_owner USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON message_search TO parlor_app;

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

-- Users whose name has something like what was typed in it.
CREATE INDEX users_by_trigrams ON users USING gin (search_name gin_trgm_ops);
CREATE POLICY search ON users FOR SELECT TO parlor_owner USING (true);
-- The likest first; whose id begins with what was typed is as like as can be.
CREATE FUNCTION parlor_search_users(typed text, folded text, below real, after_id text, most bigint)
    RETURNS TABLE (id text, likeness real)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    SET pg_trgm.word_similarity_threshold = 0.5 AS $$
BEGIN
    RETURN QUERY EXECUTE
        'SELECT u.id, u.likeness FROM (
             SELECT u.id, CASE WHEN starts_with(u.id, $1) THEN 1::real ELSE word_similarity($2, u.search_name) END
                 AS likeness
             FROM users u
             WHERE ($2 <% u.search_name OR u.search_name LIKE ''%'' || $6 || ''%''
                     OR (u.id >= $1 AND u.id < $1 || U&''\+10FFFF''))
                 AND u.app_id = parlor_current_app() AND u.deactivated_at IS NULL) u
         WHERE u.likeness < $3 OR (u.likeness = $3 AND u.id > $4)
         ORDER BY u.likeness DESC, u.id LIMIT $5'
        USING typed, folded, below, after_id, most, regexp_replace(folded, '([%_\\])', '\\\1', 'g');
END $$;
REVOKE ALL ON FUNCTION parlor_search_users(text, text, real, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parlor_search_users(text, text, real, text, bigint) TO parlor_app;
