# Literals in quotes take the type of what stands beside them.

SELECT '5' - 1, 1 - '5', '5' + 1, 1 + '5', '5' * 2, 10 / '3', '7' % 2
----
names ?column?|?column?|?column?|?column?|?column?|?column?|?column?
types 23|23|23|23|23|23|23
4|-4|6|6|10|3|1

SELECT interval '1 hour' + '1 day', timestamp '2024-01-01' + '1 day', date '2024-01-05' - '2024-01-01', '1.5' + 1.25
----
names ?column?|?column?|?column?|?column?
types 1186|1114|23|1700
1 day 01:00:00|2024-01-02 00:00:00|4|2.75

SELECT timestamp '2024-01-05' - '2024-01-01', time '05:00' + '1 hour'
----
names ?column?|?column?
types 1186|1083
4 days|06:00:00

SELECT octet_length('text'), octet_length('ä'), octet_length('ä'::text), octet_length('\x0102'::bytea)
----
names octet_length|octet_length|octet_length|octet_length
types 23|23|23|23
4|2|2|2

SELECT cbrt(27), cbrt(-8), ||/ 27
----
names cbrt|cbrt|?column?
types 701|701|701
3.0000000000000004|-2|3.0000000000000004

SELECT overlay('abcdef', 'xx', 3), overlay('abcdef', 'xx', 3, 1), overlay('abcdef' placing 'xx' from 3), overlay('abcdef' placing 'xx' from 3 for 1)
----
names overlay|overlay|overlay|overlay
types 25|25|25|25
abxxef|abxxdef|abxxef|abxxdef

SELECT 'today'::date = current_date, 'now'::timestamptz = now(), date 'tomorrow' - 'yesterday'::date, 'TODAY'::timestamp = current_date
----
t|t|2|t

SELECT uint2 '7', uint4 '7', uint8 '18446744073709551615', regtype 'int4'
----
7|7|18446744073709551615|integer

SELECT 0.11250853279645001::float8, 0.11250853279645001 = '0.11250853279645001'::float8, -0.11250853279645001::float8, 9007199254740993.5::float8, 16777217.0::real, 0.1::real, 12345678901234567890123456789.012345678::float8, 0.0::float8
----
0.11250853279645001|t|-0.11250853279645001|9.007199254740994e+15|1.6777216e+07|0.1|1.2345678901234568e+28|0
