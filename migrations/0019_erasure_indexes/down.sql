DROP INDEX channels_by_creator;
