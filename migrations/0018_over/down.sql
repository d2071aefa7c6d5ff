ALTER POLICY tenant ON access_code_tries USING (app_id = parlor_current_app());
ALTER POLICY tenant ON jobs USING (app_id = parlor_current_app());
DROP INDEX jobs_over;
ALTER POLICY tenant ON scheduled_messages USING
    (app_id = parlor_current_app() OR (parlor_is_system() AND content IS NULL));
DROP INDEX scheduled_messages_failed;
ALTER TABLE channels DROP COLUMN imported_seq;
