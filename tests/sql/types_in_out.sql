# Input and output of the types, and small print, as PostgreSQL 15 answers.

SELECT 1::int2, 2::int4, 3::int8, 4.5::real, 5.5::double precision, 6.50::numeric(5,2), 7::numeric, true, 'x'::text, 'y'::varchar(3), 'z'::char(3), '\xAAAA'::bytea, '{1,2}'::int[], 'Inf'::double precision, date '2024-02-29', time '01:02:03.5', timestamp '2024-01-02 03:04:05', timestamptz '2024-01-02 03:04:05+02', interval '1 year 2 mons 3 days 04:05:06.789', '{"a": 1}'::jsonb, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 5::oid
----
names int2|int4|int8|float4|float8|numeric|numeric|?column?|text|varchar|bpchar|bytea|int4|float8|date|time|timestamp|timestamptz|interval|jsonb|uuid|oid
types 21|23|20|700|701|1700|1700|16|25|1043|1042|17|1007|701|1082|1083|1114|1184|1186|3802|2950|26
1|2|3|4.5|5.5|6.50|7|t|x|y|z  |\xaaaa|{1,2}|Infinity|2024-02-29|01:02:03.5|2024-01-02 03:04:05|2024-01-02 01:04:05+00|1 year 2 mons 3 days 04:05:06.789|{"a": 1}|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|5

SELECT 'a'::char(3) || 'b', 'a'::char(3) = 'a', length('ab '::char(5)), 'abcdef'::varchar(3), 'abcd'::char(2)
----
names ?column?|?column?|length|varchar|bpchar
types 25|16|23|1043|1042
ab|t|2|abc|ab

SELECT '2024-02-30'::date
----
error 22008: date/time field value out of range: "2024-02-30"

SELECT 'infinity'::timestamp, '-infinity'::date, 'epoch'::timestamptz
----
names timestamp|date|timestamptz
types 1114|1082|1184
infinity|-infinity|1970-01-01 00:00:00+00

SELECT '24:00:00'::time, '23:59:60'::time
----
names time|time
types 1083|1083
24:00:00|24:00:00

SELECT '25:00'::time
----
error 22008: date/time field value out of range: "25:00"

SELECT 'yes'::boolean, 'off'::boolean, '1'::boolean, 't'::boolean, 'TRUE'::boolean
----
names bool|bool|bool|bool|bool
types 16|16|16|16|16
t|f|t|t|t

SELECT 'maybe'::boolean
----
error 22P02: invalid input syntax for type boolean: "maybe"

SELECT '1 day'::interval, 'P1Y2M3DT4H5M6S'::interval, '-1 days'::interval, '1.5 hours'::interval, '2 weeks'::interval, '@ 1 minute ago'::interval, '1-2'::interval, '1 2:03:04'::interval
----
names interval|interval|interval|interval|interval|interval|interval|interval
types 1186|1186|1186|1186|1186|1186|1186|1186
1 day|1 year 2 mons 3 days 04:05:06|-1 days|01:30:00|14 days|-00:01:00|1 year 2 mons|1 day 02:03:04

SELECT 'bogus'::interval
----
error 22007: invalid input syntax for type interval: "bogus"

SELECT '{a,"b,c",NULL,"NULL"}'::text[], '{}'::text[], '{ 1 , 2 }'::int[]
----
names text|text|int4
types 1009|1009|1007
{a,"b,c",NULL,"NULL"}|{}|{1,2}

SELECT 'zz'::uuid
----
error 22P02: invalid input syntax for type uuid: "zz"

SELECT '\xZZ'::bytea
----
error 22023: invalid hexadecimal digit: "Z"

SELECT 'abc'::bytea, 'a\\b'::bytea
----
names bytea|bytea
types 17|17
\x616263|\x615c62

SELECT 0.1::float8 + 0.2::float8, 1::real / 3, 100000000000000000000::float8, 1e15::float8, 1e16::float8, 1e-5::float8
----
names ?column?|?column?|float8|float8|float8|float8
types 701|701|701|701|701|701
0.30000000000000004|0.3333333333333333|1e+20|1e+15|1e+16|1e-05

SELECT * FROM nosuch.t
----
error 42P01: relation "nosuch.t" does not exist

SELECT 'x' + 1
----
error 22P02: invalid input syntax for type integer: "x"

SELECT coalesce(1, 'a'::text)
----
error 42804

SELECT x, count(*) FROM (VALUES (1)) t(x)
----
error 42803: column "x" must appear in the GROUP BY clause or be used in an aggregate function

SELECT x FROM (VALUES (1)) t(x), (VALUES (2)) u(x)
----
error 42702: column reference "x" is ambiguous

SELECT (SELECT * FROM (VALUES (1), (2)) t)
----
error 21000: more than one row returned by a subquery used as an expression

SELECT 1 LIMIT -1
----
error 2201W: LIMIT must not be negative

SELECT 'a' || null, null || 'a', concat('a', null)
----
names ?column?|?column?|concat
types 25|25|25
NULL|NULL|a

SELECT lpad('abc', 2), lpad('a', 3), rpad('a', 3) || '|', repeat('a', -1), left('abc', -5), split_part('a,b', ',', 3)
----
names lpad|lpad|?column?|repeat|left|split_part
types 25|25|25|25|25|25
ab|  a|a  ||(empty)|(empty)|(empty)

SELECT sqrt(-1)
----
error 2201F: cannot take square root of a negative number

SELECT ln(0)
----
error 2201E: cannot take logarithm of zero

SELECT log(-1)
----
error 2201E: cannot take logarithm of a negative number

SELECT -9223372036854775808::bigint
----
error 22003: bigint out of range

SELECT E'a\nb', U&'\0061', $$x'y$$
----
names ?column?|?column?|?column?
types 25|25|25
a
b|a|x'y

SELECT timestamptz '2024-06-01 12:00+00' AT TIME ZONE 'America/New_York', timestamp '2024-06-01 12:00' AT TIME ZONE 'America/New_York'
----
names timezone|timezone
types 1114|1184
2024-06-01 08:00:00|2024-06-01 16:00:00+00

SELECT to_char(timestamp '2024-02-03 14:05:06.789', 'YYYY-MM-DD HH12:MI:SS.MS AM Day DDD Q WW IW J')
----
names to_char
types 25
2024-02-03 02:05:06.789 PM Saturday  034 1 05 05 2460344

SELECT a FROM (VALUES (1, 2)) a(x, y)
----
names a
types 2249
(1,2)

SELECT to_jsonb(a), jsonb_agg(a) FROM (VALUES (1, 'b')) a(x, y) GROUP BY a
----
names to_jsonb|jsonb_agg
types 3802|3802
{"x": 1, "y": "b"}|[{"x": 1, "y": "b"}]
