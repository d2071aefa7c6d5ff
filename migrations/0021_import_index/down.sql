ALTER INDEX message_search_words SET (gin_pending_list_limit = 1024);
ALTER TABLE imports DROP COLUMN search_part, DROP COLUMN search_offset, DROP COLUMN search_line;
