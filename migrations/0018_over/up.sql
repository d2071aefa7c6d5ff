-- The newest `seq` that an import gave: up to there the times of messages need not follow their places.
ALTER TABLE channels ADD COLUMN imported_seq bigint NOT NULL DEFAULT 0;

-- What is over for a while goes, in all apps: scheduled messages that failed, too, jobs, and who once named a wrong code.
CREATE INDEX scheduled_messages_failed ON scheduled_messages (updated_at) WHERE state = 'failed';
ALTER POLICY tenant ON scheduled_messages USING
    (app_id = parlor_current_app() OR (parlor_is_system() AND (content IS NULL OR state = 'failed')));
CREATE INDEX jobs_over ON jobs (finished_at) WHERE finished_at IS NOT NULL;
ALTER POLICY tenant ON jobs USING
    (app_id = parlor_current_app() OR (parlor_is_system() AND finished_at IS NOT NULL));
ALTER POLICY tenant ON access_code_tries USING (app_id = parlor_current_app() OR parlor_is_system());
