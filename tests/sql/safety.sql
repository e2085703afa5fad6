# No user reaches the server's files, settings, extensions or network.

SELECT * FROM read_csv('/etc/passwd')
----
error 42883

SELECT * FROM read_parquet('/etc/passwd')
----
error 42883

SELECT * FROM read_text('/etc/passwd')
----
error 42883

SELECT * FROM '/etc/passwd'
----
error 42601

SELECT * FROM "/etc/passwd"
----
error 42P01: relation "/etc/passwd" does not exist

SELECT * FROM "data.parquet"
----
error 42P01: relation "data.parquet" does not exist

SELECT * FROM glob('/*')
----
error 42883

SELECT * FROM query('SELECT 1')
----
error 42883

SELECT * FROM json_execute_serialized_sql('{}')
----
error 42883

SELECT * FROM duckdb_settings()
----
error 42883

SELECT * FROM duckdb_tables
----
error 42P01: relation "duckdb_tables" does not exist

SELECT * FROM sqlite_master
----
error 42P01: relation "sqlite_master" does not exist

SELECT getenv('HOME')
----
error 42883

SELECT current_setting('temp_directory')
----
error

CALL checkpoint()
----
error

PRAGMA database_list
----
error 42601

INSTALL httpfs
----
error 42601

LOAD httpfs
----
error

ATTACH 'x.db' AS y
----
error 42601

EXPORT DATABASE 'x'
----
error 42601

SET enable_external_access = true
----
error

SET memory_limit = '1TB'
----
error

COPY (SELECT 1) TO '/var/tmp/x.csv'
----
error

COPY t FROM '/etc/passwd'
----
error

CREATE VIEW v AS SELECT * FROM read_csv('/etc/passwd')
----
error 42883

CREATE FUNCTION f() RETURNS integer AS 'SELECT 1' LANGUAGE sql
----
error

CREATE MACRO m(a) AS a + 1
----
error 42601

SELECT 1
----
1
