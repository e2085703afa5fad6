# Aggregates with PostgreSQL's types and values.

CREATE TABLE n (k integer, s smallint, i integer, b bigint, d numeric(12,2), m numeric, r real, f double precision, v interval)
----
ok CREATE TABLE

INSERT INTO n VALUES
  (1, 1, 10, 100, 1.25, 1.5, 0.5, 0.25, '1 day'), (1, 2, 20, 200, 2.50, 2.25, 1.5, 0.75, '2 days 01:00:00'),
  (2, 4, 25, 9223372036854775807, -0.01, 1e-10, 2, 1, '1 month'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
----
ok INSERT 0 4

SELECT sum(s), sum(i), sum(b), sum(d), sum(m), sum(r), sum(f), sum(v) FROM n
----
names sum|sum|sum|sum|sum|sum|sum|sum
types 20|20|1700|1700|1700|700|701|1186
7|55|9223372036854776107|3.74|3.7500000001|4|2|1 mon 3 days 01:00:00

SELECT avg(s), avg(i), avg(b), avg(d), avg(m), avg(r), avg(f), avg(v) FROM n WHERE k = 1
----
types 1700|1700|1700|1700|1700|701|701|1186
1.5|15|150|1.875|1.875|1|0.5|1 day 12:30:00

SELECT avg(i), avg(b) FROM n
----
18.3333333333|3074457345618258702.3333333333

SELECT sum(i), avg(i), count(i), min(i), sum(d) FROM n WHERE k = 3
----
NULL|NULL|0|NULL|NULL

SELECT k, sum(i), avg(d) AS middle FROM n GROUP BY k HAVING sum(i) > 0 ORDER BY sum(i)
----
names k|sum|middle
2|25|-0.01
1|30|1.875

SELECT sum(DISTINCT x), avg(DISTINCT x), sum(x) FILTER (WHERE x > 1) FROM (VALUES (1), (1), (2), (NULL)) t(x)
----
types 20|1700|20
3|1.5|2

SELECT i, sum(i) OVER (ORDER BY i), sum(i) OVER (ORDER BY i ROWS 1 PRECEDING), avg(i) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), sum(i) FILTER (WHERE i > 10) OVER () FROM n WHERE i IS NOT NULL ORDER BY i
----
types 23|20|20|1700|20
10|10|10|18.3333333333|45
20|30|30|22.5|45
25|55|45|25|45

SELECT sum(x) FROM (VALUES (9223372036854775807), (9223372036854775807)) t(x)
----
18446744073709551614

SELECT sum(x) FROM generate_series(1, 100000) t(x)
----
5000050000

SELECT sum(1), avg(2), sum(1.5)
----
types 20|1700|1700
1|2|1.5

SELECT sum(x) FROM (VALUES ('9999999999999999999999999999'::numeric), (1)) t(x)
----
error 22003: numeric field overflow

SELECT sum(x) FROM (VALUES (1e308::float8), (1e308)) t(x)
----
error 22003: value out of range: overflow

SELECT sum('a'::text)
----
error 42883: function sum(text) does not exist

SELECT sum(true)
----
error 42883

CREATE TABLE made AS SELECT k, sum(b), avg(i) AS a FROM n GROUP BY k
----
ok SELECT 2

SELECT * FROM made ORDER BY k
----
names k|sum|a
types 23|1700|1700
1|300|15
2|9223372036854775807|25

CREATE VIEW totals AS SELECT k, sum(i) AS total FROM n GROUP BY k
----
ok CREATE VIEW

SELECT sum(total), max(total) FROM totals
----
types 1700|20
55|30

SELECT sum(i) * 2, sum(i) / 2, avg(i) * 3 = 55, sum(d) / sum(i) FROM n
----
types 20|20|16|1700
110|27|f|0.068

SELECT bool_and(i > 5), bool_or(i > 20), every(i > 0), count(*), max(d), min(r), string_agg(i::text, ',' ORDER BY i DESC) FROM n
----
t|t|t|4|2.50|0.5|25,20,10

SELECT array_agg(i ORDER BY i) FROM n WHERE k = 1
----
types 1007
{10,20}

SELECT string_agg(DISTINCT x, ','), array_agg(DISTINCT x) FROM (VALUES ('b'), ('a'), ('b'), (NULL)) t(x)
----
types 25|1009
a,b|{a,b,NULL}
