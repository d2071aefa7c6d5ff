-- How far an import has indexed what it wrote: it does so while it writes what follows.
ALTER TABLE imports
    ADD COLUMN search_part integer NOT NULL DEFAULT 0,
    ADD COLUMN search_offset bigint NOT NULL DEFAULT 0,
    ADD COLUMN search_line bigint NOT NULL DEFAULT 0;

-- Whoever writes says how much may wait to be sorted in: a message is searched for at once, an import writes many.
ALTER INDEX message_search_words RESET (gin_pending_list_limit);
