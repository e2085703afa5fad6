# What PostgreSQL 15 says of names, types and operators that do not fit.

SELECT foo(1, 'a')
----
error 42883: function foo(integer, unknown) does not exist

SELECT foo(1, 'a'::text, 1.5, now(), null)
----
error 42883: function foo(integer, text, numeric, timestamp with time zone, unknown) does not exist

SELECT foo()
----
error 42883: function foo() does not exist

SELECT foo(x) FROM (VALUES (1)) t(x)
----
error 42883: function foo(integer) does not exist

SELECT foo(1) OVER ()
----
error 42883: function foo(integer) does not exist

SELECT * FROM foo(1)
----
error 42883: function foo(integer) does not exist

SELECT upper(1)
----
error 42883: function upper(integer) does not exist

SELECT abs('a'::text)
----
error 42883: function abs(text) does not exist

SELECT sum('a'::text)
----
error 42883: function sum(text) does not exist

SELECT 1 + 'a'::text
----
error 42883: operator does not exist: integer + text

SELECT true + true
----
error 42883: operator does not exist: boolean + boolean

SELECT -'a'::text
----
error 42883: operator does not exist: - text

SELECT now() + now()
----
error 42883: operator does not exist: timestamp with time zone + timestamp with time zone

SELECT date '2024-01-01' * 2
----
error 42883: operator does not exist: date * integer

SELECT 'a'::text ~ 1
----
error 42883: operator does not exist: text ~ integer

SELECT 1 FROM (VALUES ('a')) t(x) WHERE x
----
error 42804: argument of WHERE must be type boolean, not type text

SELECT 1 WHERE 'a'::text
----
error 42804: argument of WHERE must be type boolean, not type text

SELECT 1 WHERE 1
----
error 42804: argument of WHERE must be type boolean, not type integer

SELECT 1 WHERE 'true'
----
names ?column?
types 23
1

SELECT 1 WHERE null
----
names ?column?
types 23
(no rows)

SELECT 1 WHERE 'x'
----
error 22P02: invalid input syntax for type boolean: "x"

SELECT CASE WHEN 1 THEN 2 END
----
error 42804: argument of CASE/WHEN must be type boolean, not type integer

SELECT NOT 1
----
error 42804: argument of NOT must be type boolean, not type integer

SELECT true AND 1
----
error 42804: argument of AND must be type boolean, not type integer

SELECT true OR 'f'
----
names ?column?
types 16
t

SELECT 1 FROM (VALUES (1)) t(x) HAVING count(*)
----
error 42804: argument of HAVING must be type boolean, not type bigint

SELECT 1 FROM (VALUES (1)) a(x) JOIN (VALUES (1)) b(y) ON x
----
error 42804: argument of JOIN/ON must be type boolean, not type integer

SELECT count(*) FILTER (WHERE x) FROM (VALUES (1)) t(x)
----
error 42804: argument of FILTER must be type boolean, not type integer

SELECT "user" FROM (VALUES (1)) t("user")
----
names user
types 23
1

SELECT "user"
----
error 42703: column "user" does not exist

SELECT "current_date"
----
error 42703: column "current_date" does not exist

SELECT "current_timestamp"
----
error 42703: column "current_timestamp" does not exist

SELECT "session_user", 1
----
error 42703: column "session_user" does not exist

SELECT x FROM (VALUES (1)) t(x) WHERE "user" = 'a'
----
error 42703: column "user" does not exist

SELECT "current_date", "localtime", t."user" FROM (VALUES (1, 2, 3)) t("current_date", "localtime", "user")
----
names current_date|localtime|user
types 23|23|23
1|2|3

SELECT now
----
error 42703: column "now" does not exist

SELECT t.nosuch FROM (VALUES (1)) t(x)
----
error 42703: column t.nosuch does not exist

SELECT nosuch.x FROM (VALUES (1)) t(x)
----
error 42P01: missing FROM-clause entry for table "nosuch"

SELECT 1/0
----
error 22012: division by zero

SELECT 1 % 0, 1.5 / 0
----
error 22012: division by zero

SELECT 'abc'::int
----
error 22P02: invalid input syntax for type integer: "abc"

SELECT '1e400'::double precision
----
error 22003: "1e400" is out of range for type double precision

SELECT 3000000000::int
----
error 22003: integer out of range

SELECT 2147483647 + 1
----
error 22003: integer out of range

SELECT 9223372036854775807 + 1
----
error 22003: bigint out of range

SELECT 40000::smallint
----
error 22003: smallint out of range

SELECT true::date
----
error 42846: cannot cast type boolean to date

SELECT '{1,2}'::int[]::int
----
error 42846: cannot cast type integer[] to integer

# Where one value is wanted, what needs or makes several rows is told by PostgreSQL's words.

VALUES (max(1))
----
error 42803: aggregate functions are not allowed here

VALUES (row_number() OVER ())
----
error 42P20: window functions are not allowed here

SELECT 1 WHERE max(1) = 1
----
error 42803: aggregate functions are not allowed in WHERE

SELECT 1 WHERE row_number() OVER () = 1
----
error 42P20: window functions are not allowed in WHERE

SELECT 1 WHERE unnest(ARRAY[1]) = 1
----
error 0A000: set-returning functions are not allowed here

CREATE TABLE wrong (a integer DEFAULT max(1))
----
error 42803: aggregate functions are not allowed here

CREATE TABLE wrong (a integer DEFAULT row_number() OVER ())
----
error 42P20: window functions are not allowed here

CREATE TABLE wrong (a integer DEFAULT unnest(ARRAY[1, 2]))
----
error 0A000: set-returning functions are not allowed here

CREATE TABLE wrong (a integer DEFAULT 'abc')
----
error 22P02: invalid input syntax for type integer: "abc"

SELECT $1
----
error 42P02: there is no parameter $1

EXPLAIN SELECT 1
----
error 0A000: EXPLAIN is not supported
