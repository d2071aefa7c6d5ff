DROP TABLE user_messages;
DROP TABLE messages;
DROP TABLE channel_members;
DROP TABLE channels;
