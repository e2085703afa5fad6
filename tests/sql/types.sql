# Every type's way in and out, in PostgreSQL's text form.

SELECT true, false, 't'::boolean, 'off'::boolean
----
types 16|16|16|16
t|f|t|f

SELECT (-32768)::smallint, 2147483647::integer, 9223372036854775807::bigint
----
types 21|23|20
-32768|2147483647|9223372036854775807

SELECT '40000'::smallint
----
error 22003: value "40000" is out of range for type smallint

SELECT 1.5::real, 'Inf'::double precision, '-inf'::real, 0.1::double precision, 1e20::double precision
----
types 700|701|700|701|701
1.5|Infinity|-Infinity|0.1|1e+20

SELECT 12.345::numeric(10,2), '99999999999999999999.99'::numeric(38,2), 5::numeric(4,1), '-0.005'::numeric(10,3)
----
types 1700|1700|1700|1700
12.35|99999999999999999999.99|5.0|-0.005

SELECT 1234.5::numeric(5,2)
----
error 22003: numeric field overflow

SELECT 'a'::text, 'b'::varchar(3), 'abcdef'::varchar(3), 'c'::char(3)
----
types 25|1043|1043|1042
a|b|abc|c  

SELECT date '2010-10-10', time '10:10:10', time '10:10:10.5', timestamp '2010-10-10 10:10:10', timestamp '2010-10-10 10:10:10.123456'
----
types 1082|1083|1083|1114|1114
2010-10-10|10:10:10|10:10:10.5|2010-10-10 10:10:10|2010-10-10 10:10:10.123456

SELECT timestamptz '2010-10-10 10:10:10+02', timestamp with time zone '2010-10-10 08:10:10.25Z'
----
types 1184|1184
2010-10-10 08:10:10+00|2010-10-10 08:10:10.25+00

SELECT date '2010-13-10'
----
error 22008

SELECT date 'tomorrowish'
----
error 22007: invalid input syntax for type date: "tomorrowish"

SELECT interval '0', interval '1 year 2 months 3 days 04:05:06.7', interval '-1 day', interval '90 minutes', interval '1 day' * 2
----
types 1186|1186|1186|1186|1186
00:00:00|1 year 2 mons 3 days 04:05:06.7|-1 days|01:30:00|2 days

SELECT '\xAAff00'::bytea, 'abc'::bytea, '\x'::bytea, length('\xAAAA'::bytea)
----
types 17|17|17|23
\xaaff00|\x616263|\x|2

SELECT 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid
----
types 2950
a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11

SELECT 'x'::uuid
----
error 22P02: invalid input syntax for type uuid: "x"

SELECT '{"b": 1, "a": [true, null, "x"]}'::jsonb
----
types 3802
{"a": [true, null, "x"], "b": 1}

SELECT '{"a": {"b": [10, 20]}}'::jsonb -> 'a' -> 'b' -> 1, '{"a": "x"}'::jsonb ->> 'a', '{"a": {"b": 5}}'::jsonb #>> '{a,b}', '{"a": 1}'::jsonb ? 'a'
----
20|x|5|t

SELECT '{'::jsonb
----
error 22P02: invalid input syntax for type json

SELECT '{1,2,NULL}'::int[], ARRAY['a', 'b c', 'd"e', NULL], '{{1,2},{3,4}}'::int[][], '{}'::int[]
----
types 1007|1009|1007|1007
{1,2,NULL}|{a,"b c","d\"e",NULL}|{{1,2},{3,4}}|{}

SELECT (ARRAY[10, 20, 30])[2], 20 = ANY (ARRAY[10, 20]), array_length(ARRAY[1, 2], 1)
----
20|t|2

SELECT '{1,x}'::int[]
----
error 22P02: invalid input syntax for type integer: "x"

CREATE TABLE everything (
  a boolean, b smallint, c integer, d bigint, e real, f double precision, g numeric(12,3), h numeric, i text,
  j varchar(5), k char(4), l date, m time, n timestamp, o timestamptz, p interval, q bytea, r uuid, s jsonb,
  t int[], u text[])
----
ok CREATE TABLE

INSERT INTO everything VALUES
  (true, 1, 2, 3, 1.5, 2.5, 3.125, 4.25, 'text', 'vc', 'ch', '2024-01-02', '03:04:05', '2024-01-02 03:04:05',
   '2024-01-02 03:04:05+00', '1 day', '\xdeadbeef', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"k": 1}', '{1,2}', '{a,b}'),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
----
ok INSERT 0 2

SELECT * FROM everything ORDER BY a
----
types 16|21|23|20|700|701|1700|1700|25|1043|1042|1082|1083|1114|1184|1186|17|2950|3802|1007|1009
t|1|2|3|1.5|2.5|3.125|4.25|text|vc|ch  |2024-01-02|03:04:05|2024-01-02 03:04:05|2024-01-02 03:04:05+00|1 day|\xdeadbeef|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|{"k": 1}|{1,2}|{a,b}
NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL

# An integer becomes an oid bit by bit, as in PostgreSQL; a bigint has to fit.
SELECT (-1)::oid, (-1::smallint)::oid, 4294967295::oid
----
4294967295|4294967295|4294967295

SELECT (-1)::bigint::oid
----
error 22003: OID out of range

SELECT 4294967296::oid
----
error 22003: OID out of range

# More digits than are kept are refused by name, not cut.
SELECT 0.1::numeric(39, 39)
----
error 0A000: type numeric(39,39) is not supported

SELECT '{0.1}'::numeric(39)[]
----
error 0A000: type numeric(39,0) is not supported

SELECT 0.1::numeric(38, 38)
----
0.10000000000000000000000000000000000000

# Types that are other names for the engine's own are sorted as what they are.
CREATE TABLE sorted (o oid, m mz_timestamp)
----
ok CREATE TABLE

INSERT INTO sorted VALUES (3, 20), (4294967295, 5), (NULL, 18446744073709551615), (12, NULL)
----
ok INSERT 0 4

SELECT o FROM sorted ORDER BY o
----
types 26
3
12
4294967295
NULL

SELECT m FROM sorted ORDER BY m DESC NULLS LAST
----
18446744073709551615
20
5
NULL

SELECT o, m FROM sorted ORDER BY o DESC, m
----
NULL|18446744073709551615
4294967295|5
12|NULL
3|20

SELECT DISTINCT o FROM sorted WHERE o > 3 ORDER BY o DESC
----
4294967295
12

SELECT o, row_number() OVER (ORDER BY o DESC), count(*) OVER (PARTITION BY m ORDER BY m, o) FROM sorted ORDER BY 2
----
NULL|1|1
4294967295|2|1
12|3|1
3|4|1

SELECT array_agg(o ORDER BY o DESC), string_agg(o::text, ',' ORDER BY m) FROM sorted
----
{NULL,4294967295,12,3}|4294967295,3,12
