# to_char() and to_number() of numbers.

SELECT to_char(125, '999'), to_char(125.8::real, '999D9'), to_char(-125.8, '999D99S'), to_char(0.1, '0.9'), to_char(12, '9990999.9'), to_char(485, '999'), to_char(-485, '999'), to_char(1485, '9,999')
----
names to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char
types 25|25|25|25|25|25|25|25
 125| 125.8|125.80-| 0.1|    0012.0| 485|-485| 1,485

SELECT to_char(148.5, '999.999'), to_char(148.5, 'FM999.999'), to_char(148.5, 'FM999.990'), to_char(485, 'RN'), to_char(12, '99V999'), to_char(-485, '999PR'), to_char(485, '"Good number:"999'), to_char(1234567, '9,999,999')
----
names to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char
types 25|25|25|25|25|25|25|25
 148.500|148.5|148.500|        CDLXXXV| 12000|<485>|Good number: 485| 1,234,567

SELECT to_char(482, '999th'), to_char(0.0004859, '9.99EEEE'), to_char(5, 'FMRN'), to_char(12345, 'FM999,999'), to_char(1.5, 'FM0.00'), to_char(123456, '999'), to_char(-0.1, '99.99'), to_char(-0.1, 'FM9.99'), to_char(0, '999'), to_char(0, '9.9')
----
names to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char
types 25|25|25|25|25|25|25|25|25|25
 482nd| 4.86e-04|V|12,345|1.50| ###|  -.10|-.1|   0|  .0

SELECT to_char(-12.34, 'S99.99'), to_char(12, 'S99'), to_char(12, '99S'), to_char(-12, '99MI'), to_char(12, 'MI99'), to_char(-12, 'SG99'), to_char(12, 'PL99'), to_char(485, '999PR'), to_char(-12, '9,999'), to_char(1234.567, '9G999D99')
----
names to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char
types 25|25|25|25|25|25|25|25|25|25
-12.34|+12|12+|12-| 12|-12|+ 12| 485 |   -12| 1,234.57

SELECT to_char(1, '00000'), to_char(-7, '00'), to_char(0.5, '9'), to_char(1.5, '9'), to_char(2.5::numeric, '9'), to_char(99.9, '99'), to_char(0, 'FM9.9'), to_char(12, 'FM99.00'), to_char(NULL::int, '9'), to_char(1234567890123, '9999999999999')
----
names to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char
types 25|25|25|25|25|25|25|25|25|25
 00001|-07| 1| 2| 3| ##|0.|12.00|NULL| 1234567890123

SELECT to_char(21, '99TH'), to_char(13, '99th'), to_char(3, '9th'), to_char(-1, '9th'), to_char(1.25, '9.9'), to_char(1e6::float8, '9999999.9'), to_char(3999, 'rn'), to_char(4000, 'RN')
----
names to_char|to_char|to_char|to_char|to_char|to_char|to_char|to_char
types 25|25|25|25|25|25|25|25
 21ST| 13th| 3rd|-1| 1.3| 1000000.0|      mmmcmxcix|###############

SELECT to_number('12,454.8-', '99G999D9S'), to_number('-34,338,492', '99G999G999'), to_number('123.45', '999.99'), to_number('1234', '9999'), to_number('12345', '999'), to_number('-12', 'S99'), to_number('<12>', '99PR'), to_number('0.5', '9.99')
----
names to_number|to_number|to_number|to_number|to_number|to_number|to_number|to_number
types 1700|1700|1700|1700|1700|1700|1700|1700
-12454.8|-34338492|123.45|1234|123|-12|-12|0.5

SELECT to_number('', '999')
----
error 22P02: invalid input syntax for type numeric: " "

SELECT to_number('abc', '999')
----
error 22P02: invalid input syntax for type numeric: " "

# Numbers: exact digits, integer division, ranges.

SELECT 7 / 2, -7 / 2, 7 % 3, -7 % 3, 7::bigint / 2, 7::smallint / 2::smallint
----
names ?column?|?column?|?column?|?column?|?column?|?column?
types 23|23|23|23|20|21
3|-3|1|-1|3|3

SELECT 12345678901234567890123456789012345678
----
names ?column?
types 1700
12345678901234567890123456789012345678

SELECT 0.1 + 0.2, 1.5 * 2, 10.0 - 0.01, -1.50, 1.10 = 1.1
----
names ?column?|?column?|?column?|?column?|?column?
types 1700|1700|1700|1700|16
0.3|3.0|9.99|-1.50|t

SELECT 1 / 0
----
error 22012: division by zero

SELECT 1.0 % 0
----
error 22012: division by zero

SELECT 1::float8 / 0
----
error 22012: division by zero

SELECT 99999999999::int
----
error 22003: integer out of range

SELECT 2147483647::int * 2
----
error 22003: integer out of range

SELECT -32768::smallint - 1::smallint
----
error 22003: smallint out of range

SELECT (-9223372036854775807 - 2)
----
error 22003: bigint out of range

SELECT '1e10'::float8, 'Infinity'::float8, '-Inf'::real, 'NaN'::float8, '1.5'::real, 1e-7::float8, 123456789012345678::float8
----
names float8|float8|float4|float8|float4|float8|float8
types 701|701|700|701|700|701|701
10000000000|Infinity|-Infinity|NaN|1.5|1e-07|1.2345678901234568e+17

SELECT ' 42 '::int, '-0'::int, '+7'::bigint, '1_000'::text
----
names int4|int4|int8|text
types 23|23|20|25
42|0|7|1_000

SELECT ''::int
----
error 22P02: invalid input syntax for type integer: ""

SELECT '1.5'::int
----
error 22P02: invalid input syntax for type integer: "1.5"

SELECT 1.5::int, 2.5::int, -1.5::int, 2.5::float8::int, '2.5'::numeric::int
----
names int4|int4|?column?|int4|int4
types 23|23|23|23|23
2|3|-2|2|3

SELECT '12.345'::numeric(5, 2), 12.345::numeric(4, 1), '1e3'::numeric
----
names numeric|numeric|numeric
types 1700|1700|1700
12.35|12.3|1000

SELECT 1234.5::numeric(4, 2)
----
error 22003: numeric field overflow
