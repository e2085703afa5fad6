# Everyday functions with PostgreSQL's results and types.

SELECT date_trunc('month', timestamp '2024-02-03 04:05:06'), date_trunc('hour', timestamptz '2024-02-03 04:05:06+00'), date_trunc('year', date '2024-02-03'), date_trunc('day', interval '3 days 02:00:00')
----
types 1114|1184|1184|1186
2024-02-01 00:00:00|2024-02-03 04:00:00+00|2024-01-01 00:00:00+00|3 days

SELECT date_trunc('day', timestamptz '2024-02-03 04:05:06+00', 'America/New_York')
----
2024-02-02 05:00:00+00

SELECT extract(second from timestamp '2024-02-03 04:05:06.789'), extract(epoch from timestamptz '1970-01-02 00:00:00.5+00'), extract(milliseconds from time '00:00:01.25'), extract(dow from date '2024-02-04'), extract(hour from interval '26:00:00')
----
types 1700|1700|1700|1700|1700
6.789|86400.5|1250|0|26

SELECT date_part('year', date '2024-02-03'), date_part('second', timestamp '2024-02-03 04:05:06.5')
----
types 701|701
2024|6.5

SELECT extract(fortnight from date '2024-02-03')
----
error 22023: unit "fortnight" not recognized for type date

SELECT date_bin('15 minutes', timestamp '2024-02-03 04:20:06', timestamp '2024-01-01'), make_date(2024, 2, 3), age(timestamp '2024-03-01', timestamp '2024-01-15')
----
2024-02-03 04:15:00|2024-02-03|1 mon 17 days

SELECT length('aä'), char_length('abc'), bit_length('ab'), length('\x010203'::bytea), position('b' in 'abc'), strpos('abc', 'c'), array_length(ARRAY[1, 2], 1), array_length('{}'::int[], 1)
----
types 23|23|23|23|23|23|23|23
2|3|16|3|2|3|2|NULL

SELECT round(2.567, 2), round(2.5), round(-2.5), round(1234.5), trunc(2.567, 2), trunc(-2.9), trunc(7), ceil(2.1), floor(-2.1)
----
2.57|3|-3|1235|2.56|-2|7|3|-3

SELECT abs(-2.5), sign(-3), mod(7, 3), power(2, 3), sqrt(16), exp(0), ln(1), log(100), gcd(12, 8), pi() > 3
----
2.5|-1|1|8|4|1|0|2|4|t

SELECT initcap('hello wORLD of-things'), overlay('Txxxxas' placing 'hom' from 2 for 4), upper('ab'), lower('AB'), reverse('abc'), repeat('ab', 3)
----
Hello World Of-Things|Thomas|AB|ab|cba|ababab

SELECT left('hello', 2), right('hello', 2), left('hello', -2), right('hello', -2), split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), lpad('7', 3, '0'), rpad('7', 3, '-')
----
he|lo|hel|llo|b|c|007|7--

SELECT btrim('  a '), ltrim('xxa', 'x'), rtrim('axx', 'x'), trim(both 'x' from 'xax'), translate('12345', '143', 'ax'), replace('aXb', 'X', '-'), concat('a', NULL, 1), concat_ws('-', 'a', NULL, 'b'), chr(65), ascii('A'), starts_with('abc', 'ab')
----
a|a|a|a|a2x5|a-b|a1|a-b|A|65|t

SELECT substring('hello' from 2 for 3), substring('hello', 2), substr('hello', 2, 2), substring('hello', -1, 4), substring('hällo', 2, 1 + 1), substring('ab', 0, 1) = '', substring('ab', 2, 0) = '', substring(x, length(x) - 2) FROM (VALUES ('hällo')) t(x)
----
ell|ello|el|he|äl|t|t|llo

SELECT substring('hello', 2, -1)
----
error 22011: negative substring length not allowed

SELECT encode('\x0102ff'::bytea, 'hex'), encode('abc'::bytea, 'base64'), encode('\x61005c'::bytea, 'escape'), decode('0102ff', 'hex'), decode('YWJj', 'base64'), md5('abc'), to_hex(255), to_hex(-1)
----
types 25|25|25|17|17|25|25|25
0102ff|YWJj|a\000\\|\x0102ff|\x616263|900150983cd24fb0d6963f7d28e17f72|ff|ffffffff

SELECT encode('abc'::bytea, 'rot13')
----
error 22023: unrecognized encoding: "rot13"

SELECT regexp_replace('foobar', 'o', 'x'), regexp_replace('foobar', 'o', 'x', 'g'), regexp_match('foobar', '(o+)(b)'), regexp_match('abc', 'z'), regexp_match('abc', 'B'), regexp_match('abc', 'B', 'i'), 'abc' ~* 'B', 'abc' !~ 'z'
----
fxobar|fxxbar|{oo,b}|NULL|NULL|{b}|t|t

SELECT string_to_array('a,b,,c', ','), string_to_array('a,x', ',', 'x'), string_to_array('', ','), string_to_array('ab', NULL), string_to_array(NULL, ',')
----
{a,b,"",c}|{a,NULL}|{}|{a,b}|NULL

SELECT array_to_string(ARRAY[1, NULL, 3], ','), array_to_string(ARRAY[1, NULL, 3], ',', '*'), array_to_string(NULL::int[], ','), array_to_string('{}'::int[], ',') = ''
----
1,3|1,*,3|NULL|t

SELECT array_append(ARRAY[1], 2), array_prepend(0, ARRAY[1]), array_cat(ARRAY[1], ARRAY[2]), ARRAY[1] || ARRAY[2], array_position(ARRAY['a', 'b'], 'b'), 1 = ANY (ARRAY[1]), 1 = ALL (ARRAY[1, 2])
----
{1,2}|{0,1}|{1,2}|{1,2}|2|t|f

SELECT format('%s is %s, %I, %L, 100%%', 'a', 1, 'my col', 'it''s'), format('%2$s-%1$s|%5s|%-3s|', 'a', 'b', 'c'), format('none')
----
a is 1, "my col", 'it''s', 100%|b-a|    b|c  ||none

SELECT format('%s')
----
error 22023: too few arguments for format()

SELECT quote_ident('a b'), quote_literal('it''s'), quote_nullable(NULL)
----
"a b"|'it''s'|NULL

SELECT coalesce(NULL, 'x'), nullif(1, 1), greatest(1, NULL, 3), least(2, NULL)
----
x|NULL|3|2

CREATE TABLE j (v jsonb, t text)
----
ok CREATE TABLE

INSERT INTO j VALUES ('{"b": 1, "a": [1, 2]}', 'x'), ('[1, 2]', 'y')
----
ok INSERT 0 2

SELECT v || '{"c": 3}', v - 'b', v || v FROM j WHERE t = 'x'
----
types 3802|3802|3802
{"a": [1, 2], "b": 1, "c": 3}|{"a": [1, 2]}|{"a": [1, 2], "b": 1}

SELECT v::jsonb - 0, v || t, t || v FROM j WHERE t = 'y'
----
types 3802|25|25
[2]|[1, 2]y|y[1, 2]

SELECT v->'a'->0, v->>'b', v#>>'{a,1}', v ? 'a', v @> '{"b": 1}', jsonb_typeof(v), jsonb_array_length(v->'a') FROM j WHERE t = 'x'
----
1|1|2|t|t|object|2

SELECT to_jsonb(1), to_jsonb('x'::text), to_jsonb(ARRAY[1, 2]), to_jsonb('{"b": 1, "a": 2}'::jsonb), jsonb_build_object('b', 1, 'a', 'x'), jsonb_build_array(1, 'a', NULL)
----
types 3802|3802|3802|3802|3802|3802
1|"x"|[1, 2]|{"a": 2, "b": 1}|{"a": "x", "b": 1}|[1, "a", null]

SELECT timestamp '2024-01-02' - '1 day'::interval, 'a' || 1, 1 || 'a', date '2024-01-02' - date '2024-01-01', NULL || 'a'
----
2024-01-01 00:00:00|a1|1a|1|NULL

SELECT pg_sleep(0.001) IS NULL
----
f

SELECT pg_sleep(1e9)
----
error 22003

SELECT regexp_matches('abc', 'b')
----
{b}

SELECT nosuch(1)
----
error 42883

SELECT upper(1, 2)
----
error 42883: function upper(integer, integer) does not exist

SELECT to_char(timestamp '2024-02-03 14:05:06', 'YYYY-MM-DD HH24:MI:SS'), to_char(date '2024-02-03', 'Dy DD Mon YYYY')
----
2024-02-03 14:05:06|Sat 03 Feb 2024

SELECT num_nulls(1, NULL, 'a', NULL), num_nonnulls(1, NULL), bit_length('\x0102'::bytea), get_byte('\x1234'::bytea, 1), set_byte('\x1234'::bytea, 0, 255), width_bucket(5.35, 0.024, 10.06, 5), width_bucket(0, 10, 0, 5), width_bucket(11, 0, 10, 5), width_bucket(-1, 0, 10, 5)
----
2|1|16|52|\xff34|3|6|6|0

SELECT get_byte('\x1234'::bytea, 2)
----
error 2202E: index 2 out of valid range, 0..1

SELECT width_bucket(1, 0, 10, 0)
----
error 2201G: count must be greater than zero

SELECT sha256('abc'::bytea)
----
\xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad

SELECT pg_typeof(1.5), pg_typeof(1), pg_typeof(ARRAY[1]), pg_typeof(now())
----
numeric|integer|integer[]|timestamp with time zone

SELECT concat('a', true, NULL, 1.50), concat_ws('-', false, 'x', NULL, 2), format('%s %L', true, false)
----
at1.50|f-x-2|t 'f'

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x), percentile_disc(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (5.25), (10.50)) t(x)
----
7.875|5.25
