# What the system relations and SHOW tell.

CREATE TABLE t (id integer NOT NULL, name text DEFAULT 'x')
----
ok CREATE TABLE

CREATE VIEW v AS SELECT id FROM t
----
ok CREATE VIEW

CREATE SECRET s AS 'hidden'
----
ok CREATE SECRET

CREATE CONNECTION c TO AWS (ACCESS KEY ID = 'k', SECRET ACCESS KEY = SECRET s)
----
ok CREATE CONNECTION

SELECT name, type FROM mz_catalog.mz_objects WHERE id LIKE 'u%' ORDER BY name
----
c|connection
s|secret
t|table
v|view

SELECT count(*) FROM mz_objects WHERE id ~ '^u[0-9]+$' AND name IN ('t', 'v', 's', 'c')
----
4

SELECT name FROM mz_catalog.mz_tables WHERE id LIKE 'u%'
----
t

SELECT name FROM mz_catalog.mz_views WHERE id LIKE 'u%'
----
v

SELECT name FROM mz_catalog.mz_secrets
----
s

SELECT name, type FROM mz_catalog.mz_connections
----
c|aws

SELECT col.name, col.position, col.nullable, col.type FROM mz_columns col JOIN mz_tables t ON col.id = t.id WHERE t.name = 't' ORDER BY col.position
----
id|1|f|integer
name|2|t|text

SELECT access_key_id, secret_access_key_secret_id = s.id, endpoint, region FROM mz_internal.mz_aws_connections, mz_secrets s
----
k|t|NULL|NULL

SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1
----
t
v

SELECT relname FROM pg_catalog.pg_class WHERE relname IN ('t', 'v') ORDER BY 1
----
t
v

SELECT current_database(), current_schema()
----
materialize|public

SELECT mz_now() IS NOT NULL, mz_now()::text::numeric > 1000000000000
----
t|t

SHOW TimeZone
----
UTC

SET application_name = 'me'
----
ok SET

SHOW application_name
----
me

SHOW nosuchsetting
----
error 42704: unrecognized configuration parameter "nosuchsetting"

SHOW CLUSTERS
----
names name|replicas|comment
quickstart|(empty)|(empty)

SHOW SINKS
----
names name|type|cluster|comment
(no rows)

SHOW INDEXES FROM public
----
names name|on|cluster|key|comment
(no rows)

SHOW ROLES LIKE 'mater%'
----
names name|comment
materialize|(empty)

SHOW TYPES WHERE name = 'nosuch'
----
names name|comment
(no rows)

# set_config() sets, once, and tells the new value.
SELECT current_setting('application_name'), set_config('application_name', 'x y', false), current_setting('application_name')
----
me|x y|x y

SHOW application_name
----
x y

SELECT set_config('application_name', NULL, false)
----
(empty)

SELECT set_config('nosuch', 'x', false)
----
error 42704: unrecognized configuration parameter "nosuch"

SELECT set_config('TimeZone', 'Nowhere/There', false)
----
error 22023: invalid value for parameter "TimeZone": "Nowhere/There"

SELECT set_config('application_name', 'local', true)
----
local

SHOW application_name
----
(empty)

SELECT set_config('application_name', 'x', false) FROM generate_series(1, 3)
----
error 0A000

CREATE VIEW sets AS SELECT set_config('application_name', 'x', false) AS s
----
error 0A000

SELECT pg_backend_pid() > 0
----
t

# Numbers of what is never there, and the system column that tells a row's relation.
SELECT 0::regoperator::text, 17::regprocedure::text, 0::regconfig::text, 'nosuch'::regrole
----
error 42704: role "nosuch" does not exist

SELECT 0::regoperator::text, 17::regprocedure::text, 0::regconfig::text
----
-|17|-

SELECT 'nosuch'::regoper
----
error 42883: operator does not exist: nosuch

SELECT DISTINCT t.tableoid = 'pg_type'::regclass FROM pg_type t
----
t

SELECT n.nspname, c.tableoid FROM pg_namespace n LEFT JOIN pg_class c ON false WHERE n.nspname = 'public'
----
public|NULL

SELECT * FROM pg_options_to_table(ARRAY['a=b=c', 'd', 'e='])
----
a|b=c
d|NULL
e|(empty)
