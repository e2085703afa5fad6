# Arithmetic, texts, times and their errors, as PostgreSQL gives them.

SELECT 7 / 2, -7 / 2, 7 % 3, -7 % 3
----
3|-3|1|-1

SELECT 1 / 0
----
error 22012: division by zero

SELECT 1 % 0
----
error 22012: division by zero

SELECT 1.0 / 0
----
error 22012: division by zero

SELECT 1::float8 / 0
----
error 22012: division by zero

SELECT 2147483647 + 1
----
error 22003: integer out of range

SELECT 7 / 2.0 > 3.49, 7::float8 / 2
----
t|3.5

SELECT 12345678901234567890123456789012345678
----
types 1700
12345678901234567890123456789012345678

SELECT 0.1 + 0.2, 1.10 + 2.205, 3 * 1.5
----
0.3|3.305|4.5

SELECT 1e3::float8, 1.5e-7::float8, 'NaN'::float8, '-Infinity'::float8
----
1000|1.5e-07|NaN|-Infinity

SELECT round(2.567, 2), floor(-1.5), ceil(1.2), abs(-3), power(2, 10)
----
2.57|-2|2|3|1024

SELECT 'a' || 'b', 'x' || NULL, upper('aä'), length('aä'), substring('hello' from 2 for 3), position('l' in 'hello')
----
ab|NULL|AÄ|2|ell|3

SELECT trim('  a '), replace('aXbX', 'X', '-'), lpad('7', 3, '0'), left('hello', 2), right('hello', 2), split_part('a,b,c', ',', 2)
----
a|a-b-|007|he|lo|b

SELECT 'abc' LIKE 'a%', 'abc' LIKE 'A%', 'abc' ILIKE 'A%', 'abc' ~ '^a.c$', 'a' BETWEEN 'a' AND 'b'
----
t|f|t|t|t

SELECT coalesce(NULL, 2), nullif(1, 1), greatest(1, 3, 2), least(2, 1), CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END
----
2|NULL|3|1|b

SELECT NULL = NULL, NULL IS NULL, 1 IS DISTINCT FROM NULL, true AND NULL, true OR NULL
----
NULL|t|t|NULL|t

SELECT to_char(timestamp '2024-02-03 04:05:06', 'YYYY-MM-DD HH24:MI:SS'), to_char(date '2024-02-03', 'YYYY/MM/DD')
----
2024-02-03 04:05:06|2024/02/03

SELECT extract(year from date '2024-02-03'), date_trunc('month', timestamp '2024-02-03 04:05:06')
----
2024|2024-02-01 00:00:00

SELECT date '2024-03-01' - date '2024-02-01', date '2024-02-28' + 2, timestamp '2024-01-01' + interval '1 day 2 hours'
----
29|2024-03-01|2024-01-02 02:00:00

SELECT '12'::int + 1, '3.5'::numeric, 3.7::int, true::text, 'yes'::boolean
----
13|3.5|4|true|t

SELECT 'x'::int
----
error 22P02: invalid input syntax for type integer: "x"

SELECT 'maybe'::boolean
----
error 22P02: invalid input syntax for type boolean: "maybe"

SELECT nosuch(1)
----
error 42883

SELECT nosuch
----
error 42703: column "nosuch" does not exist

SELECT * FROM nosuch
----
error 42P01: relation "nosuch" does not exist

SELEC 1
----
error 42601: syntax error at or near "SELEC"

SELECT 1 AS "one", 'a' AS two, 3
----
names one|two|?column?
1|a|3

SELECT 1 AS a, 2.5 AS b, 'x' AS c, true AS d, date '2024-01-01' AS e, now() IS NOT NULL AS f, 1::bigint AS g
----
types 23|1700|25|16|1082|16|20
1|2.5|x|t|2024-01-01|t|1

# A backslash escapes where LIKE has no ESCAPE.
SELECT 'a_c' LIKE 'a\_c', 'abc' LIKE 'a\_c', 'a%c' NOT LIKE 'a\%c', 'A_C' ILIKE 'a\_c', 'A%C' NOT ILIKE 'a\_c', 'a\c' LIKE 'a\\c'
----
t|f|f|t|t|t

SELECT x, 'a_c' LIKE x FROM (VALUES ('a\_c'), ('a\bc'), ('a_c'), (NULL)) t(x)
----
a\_c|t
a\bc|f
a_c|t
NULL|NULL

SELECT 'a\c' LIKE 'a\c' ESCAPE '', 'a\bc' LIKE 'a\_c' ESCAPE '#'
----
t|t

SELECT 'ab' LIKE 'a\'
----
error 22025: LIKE pattern must not end with escape character
