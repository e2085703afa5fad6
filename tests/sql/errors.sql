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

EXPLAIN ANALYZE SELECT 1
----
error 0A000: EXPLAIN ANALYZE is not supported

# Comparisons of types that have nothing to do with each other, which is known without any row.
SELECT '1'::text = 1
----
error 42883: operator does not exist: text = integer

SELECT 1 FROM (VALUES ('a')) t(x) WHERE x < 1
----
error 42883: operator does not exist: text < integer

SELECT 1 FROM (VALUES ('a')) t(x) WHERE x IN (1, 2)
----
error 42883: operator does not exist: text = integer

SELECT 1 FROM (VALUES (1)) t(x) WHERE x NOT IN ('a'::text)
----
error 42883: operator does not exist: integer <> text

SELECT true = 1
----
error 42883: operator does not exist: boolean = integer

SELECT date '2020-01-01' > '2020-01-01'::text
----
error 42883: operator does not exist: date > text

SELECT 1 = '1', '1' = 1, 1 = 1.0, 1.5 > 1::float8, NULL = 1, 'a' = 'a'::text, 1 IN ('1', '2'), date '2020-01-01' = timestamp '2020-01-01', 'a'::varchar = 'a'::text
----
t|t|t|t|NULL|t|t|t|t

SELECT 1 = 'a'
----
error 22P02: invalid input syntax for type integer: "a"

# The same expression stands in several places.
SELECT CASE WHEN a THEN 'x' ELSE 'y' END, NOT a, a AND b, b = a, count(*) FROM (VALUES (true, true), (false, true)) t(a, b) GROUP BY CASE WHEN a THEN 'x' ELSE 'y' END, NOT a, a AND b, b = a ORDER BY a AND b
----
y|t|f|f|1
x|f|t|t|1

SELECT CASE WHEN s LIKE 'a%' THEN 1 ELSE 2 END AS k, count(*) FROM (VALUES ('ab'), ('ac'), ('b')) t(s) GROUP BY CASE WHEN s LIKE 'a%' THEN 1 ELSE 2 END HAVING count(*) > 0 ORDER BY CASE WHEN s LIKE 'a%' THEN 1 ELSE 2 END
----
1|2
2|1

# What a column takes without a cast.
CREATE TABLE takes (i int, t text, d date, f int[], b boolean, n numeric(5,2))
----
ok CREATE TABLE

INSERT INTO takes (i) VALUES ('5'::text)
----
error 42804: column "i" is of type integer but expression is of type text

INSERT INTO takes (i) VALUES (true)
----
error 42804: column "i" is of type integer but expression is of type boolean

INSERT INTO takes (f) VALUES (ARRAY['x'])
----
error 42804: column "f" is of type integer[] but expression is of type text[]

INSERT INTO takes (b) SELECT 1 + x FROM (VALUES (1)) v(x)
----
error 42804: column "b" is of type boolean but expression is of type integer

INSERT INTO takes (i) SELECT t FROM takes
----
error 42804: column "i" is of type integer but expression is of type text

INSERT INTO takes (n) VALUES (12345)
----
error 22003: numeric field overflow

INSERT INTO takes (i, t, d, f, b) VALUES ('5', 1.5, timestamp '2020-01-02 03:04', '{1}', 't'), (1.6, now()::date - now()::date, '2020-01-03', ARRAY[2], NULL)
----
ok INSERT 0 2

INSERT INTO takes (i, t) SELECT '7', 8
----
ok INSERT 0 1

UPDATE takes SET i = t WHERE false
----
error 42804: column "i" is of type integer but expression is of type text

UPDATE takes SET t = i, d = d::timestamp + interval '1 day'
----
ok UPDATE 3

SELECT * FROM takes ORDER BY i
----
2|2|2020-01-04|{2}|NULL|NULL
5|5|2020-01-03|{1}|t|NULL
7|7|NULL|NULL|NULL|NULL

SELECT * FROM takes JOIN takes ON true
----
error 42712: table name "takes" specified more than once

SELECT * FROM takes a JOIN takes b USING (nosuch)
----
error 42703: column "nosuch" specified in USING clause does not exist in left table

SELECT CASE WHEN true THEN 1 ELSE 'a'::text END
----
error 42804: CASE types text and integer cannot be matched

SELECT coalesce(1, 'a'::text)
----
error 42804: COALESCE types integer and text cannot be matched

SELECT 1 AS a ORDER BY 2
----
error 42P10

SELECT 1 BETWEEN SYMMETRIC 2 AND 0
----
error 0A000: BETWEEN SYMMETRIC is not supported

# What DuckDB's SELECT has and this one has not.

SELECT * FROM (VALUES (1, 'a')) t(x, y) PIVOT (sum(x) FOR y IN ('a', 'b'))
----
error 0A000: PIVOT is not supported

SELECT * FROM (PIVOT takes ON t USING sum(i))
----
error 0A000: PIVOT is not supported

WITH p AS (PIVOT takes ON t USING sum(i)) SELECT * FROM p
----
error 0A000: PIVOT is not supported

PIVOT takes ON t USING sum(i)
----
error 42601: syntax error at or near "PIVOT"

SELECT * FROM takes UNPIVOT (v FOR name IN (i, n))
----
error 0A000: UNPIVOT is not supported

SELECT * FROM takes UNPIVOT INCLUDE NULLS (v FOR name IN (i, n))
----
error 0A000: UNPIVOT is not supported

UNPIVOT takes ON i, n INTO NAME name VALUE v
----
error 42601: syntax error at or near "UNPIVOT"

SELECT pivot.x, unpivot.x FROM (VALUES (1)) AS pivot(x), (VALUES (2)) AS unpivot(x)
----
1|2

# The same without: an aggregate for each column, a row for each column.
SELECT sum(x) FILTER (WHERE y = 'a') AS a, sum(x) FILTER (WHERE y = 'b') AS b FROM (VALUES (1, 'a'), (2, 'a'), (4, 'b')) t(x, y)
----
names a|b
3|4

SELECT v.name, v.value FROM (VALUES (1, 2)) t(a, b) CROSS JOIN LATERAL (VALUES ('a', a), ('b', b)) AS v(name, value) ORDER BY 1
----
a|1
b|2

SELECT * FROM takes TABLESAMPLE 10 PERCENT
----
error 0A000: TABLESAMPLE is not supported

SELECT * FROM takes TABLESAMPLE BERNOULLI (10)
----
error 0A000: TABLESAMPLE is not supported

SELECT * FROM takes USING SAMPLE 3
----
error 0A000: TABLESAMPLE is not supported

SELECT * FROM takes LIMIT 10 PERCENT
----
error 42601: LIMIT in percent is not supported

SELECT list_transform(LIST[1, 2], lambda x: x + 1)
----
error 0A000: lambda functions are not supported

SELECT list_reduce(LIST[1, 2], lambda x, y: x + y)
----
error 0A000: lambda functions are not supported

# -> is jsonb's.
SELECT list_transform(LIST[1, 2], x -> x + 1)
----
error 42703: column "x" does not exist

SELECT lambda, lambda x, y FROM (VALUES (1, 2)) t(lambda, y)
----
names lambda|x|y
1|1|2

SELECT ARRAY(SELECT x + 1 FROM unnest(l) AS x WHERE x > 1 ORDER BY x) FROM (VALUES (LIST[1, 2, 3])) t(l)
----
{3,4}

SELECT [x + 1 FOR x IN LIST[1, 2, 3] IF x > 1]
----
error 42601: syntax error at or near "["

SELECT {'a': 1}
----
error 42601: syntax error at or near "{"

SELECT try_cast('a' AS integer)
----
error 42601: syntax error at or near "AS"

FROM takes
----
error 42601: syntax error at or near "FROM"

SELECT #1 FROM takes
----
error 42883: operator does not exist: #

SELECT grouping_id(i) FROM takes GROUP BY i
----
error 42883: function grouping_id does not exist

INSERT INTO takes BY NAME SELECT 1 AS i
----
error 42601: syntax error at or near "BY"

# Types that only the engine has, before a string.

SELECT bit '101'
----
error 42704: type "bit" does not exist

SELECT bit(3) '101'
----
error 42704: type "bit" does not exist

SELECT hugeint '1'
----
error 42704: type "hugeint" does not exist

SELECT blob 'a'
----
error 42704: type "blob" does not exist

SELECT timestamp_ns '2020-01-01 00:00:00'
----
error 42704: type "timestamp_ns" does not exist

SELECT money '1'
----
error 42704: type "money" does not exist

SELECT B'101'
----
error 0A000: bit string literals are not supported

SELECT bitstring_agg(1)
----
error 42883: function bitstring_agg(integer) does not exist
