-- Plans are kept per connection, and a plan made while a table was empty is kept until the table is analysed. That is
-- autovacuum's business, which looks once a minute: too late for a database that was created a minute ago. The server
-- calls this every few seconds; it does something only while tables are small and have grown by a half. It never waits
-- for a lock, which would make PostgreSQL cancel a vacuum that holds it, and leaves out the queues, whose rows come and
-- go all the time.
CREATE FUNCTION parlor_analyze_small_tables() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    name text;
    analyzed integer := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1885434476, 4) THEN
        RETURN 0;
    END IF;
    FOR name IN
        SELECT s.relname FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
        WHERE s.schemaname = 'public' AND c.reltuples < 50000 AND s.relname NOT IN ('outbox', 'inbox')
            AND s.n_live_tup > 50 + 1.5 * greatest(c.reltuples, 0)
    LOOP
        EXECUTE format('ANALYZE (SKIP_LOCKED) public.%I', name);
        analyzed := analyzed + 1;
    END LOOP;
    RETURN analyzed;
END $$;
REVOKE ALL ON FUNCTION parlor_analyze_small_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION parlor_analyze_small_tables() TO parlor_app;
