DROP TABLE user_deletions, export_parts, exports, import_channels, import_parts, imports;
