DROP TABLE jobs;
DROP TABLE access_code_tries;
DROP TABLE channel_invites;
DROP TABLE channel_tags;
ALTER TABLE channels DROP access_code, DROP tags;
ALTER TABLE channel_members DROP history_ordinal, DROP history_from_seq, DROP notifications, DROP hidden_ordinal,
    DROP muted_until, DROP muted_at, DROP archived_at, DROP pinned_at;
