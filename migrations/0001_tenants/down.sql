DROP TABLE users;
DROP TABLE api_keys;
DROP TABLE apps;
DROP FUNCTION parlor_is_system();
DROP FUNCTION parlor_current_app();
