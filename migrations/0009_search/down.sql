DROP FUNCTION parlor_search_users(text, text, real, text, bigint);
DROP POLICY search ON users;
DROP INDEX users_by_trigrams;
DROP FUNCTION parlor_search_messages(text, uuid[], timestamptz, uuid, timestamptz, bigint, uuid[], bigint[]);
DROP TABLE message_search;
-- Unless somebody else had made it.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm' AND extowner = current_user::regrole) THEN
        DROP EXTENSION pg_trgm;
    END IF;
END $$;
