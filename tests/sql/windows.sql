# Windows: frames of every kind, what they leave out, and QUALIFY.

CREATE TABLE w (k text, at integer, v integer)
----
ok CREATE TABLE

INSERT INTO w VALUES ('a', 1, 1), ('a', 2, 2), ('a', 2, 4), ('a', 5, 8), ('b', 3, 16), ('b', 9, NULL)
----
ok INSERT 0 6

SELECT at, v, sum(v) OVER (ORDER BY at, v ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), sum(v) OVER (ORDER BY at, v ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING), sum(v) OVER (ORDER BY at, v ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), sum(v) OVER (ORDER BY at, v ROWS 1 PRECEDING) FROM w ORDER BY at, v
----
1|1|3|NULL|30|1
2|2|7|1|28|3
2|4|22|3|24|6
3|16|28|6|8|20
5|8|24|20|NULL|24
9|NULL|8|24|NULL|8

SELECT at, v, sum(v) OVER (ORDER BY at RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING), sum(v) OVER (ORDER BY at RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), sum(v) OVER (ORDER BY at RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING), count(*) OVER (ORDER BY at RANGE BETWEEN 4 PRECEDING AND 2 PRECEDING) FROM w ORDER BY at, v
----
1|1|7|1|31|0
2|2|23|7|30|0
2|4|23|7|30|0
3|16|22|23|24|1
5|8|8|31|8|4
9|NULL|NULL|31|NULL|1

SELECT at, v, sum(v) OVER (ORDER BY at DESC RANGE BETWEEN 1 PRECEDING AND 2 FOLLOWING) FROM w ORDER BY at, v
----
1|1|7
2|2|23
2|4|23
3|16|23
5|8|24
9|NULL|NULL

SELECT at, v, sum(v) OVER (ORDER BY at GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW), sum(v) OVER (ORDER BY at GROUPS BETWEEN 1 FOLLOWING AND 2 FOLLOWING), count(*) OVER (PARTITION BY k ORDER BY at GROUPS UNBOUNDED PRECEDING) FROM w ORDER BY at, v
----
1|1|1|22|1
2|2|7|24|3
2|4|7|24|3
3|16|22|8|1
5|8|24|NULL|4
9|NULL|8|NULL|2

# The default: up to the current row and those that are equal to it.
SELECT at, v, sum(v) OVER (ORDER BY at), sum(v) OVER (), sum(v) OVER (PARTITION BY k), count(v) OVER (PARTITION BY k ORDER BY at) FROM w ORDER BY at, v
----
1|1|1|31|15|1
2|2|7|31|15|3
2|4|7|31|15|3
3|16|23|31|16|1
5|8|31|31|15|4
9|NULL|31|31|16|1

SELECT d, count(*) OVER (ORDER BY d RANGE BETWEEN interval '1 day' PRECEDING AND interval '1 day' FOLLOWING) FROM (VALUES (date '2024-02-28'), (date '2024-02-29'), (date '2024-03-01'), (date '2024-03-05')) t(d) ORDER BY d
----
2024-02-28|2
2024-02-29|3
2024-03-01|2
2024-03-05|1

SELECT d, count(*) OVER (ORDER BY d RANGE BETWEEN interval '1 month' PRECEDING AND CURRENT ROW) FROM (VALUES (timestamp '2024-01-31'), (timestamp '2024-02-29'), (timestamp '2024-03-30')) t(d) ORDER BY d
----
2024-01-31 00:00:00|1
2024-02-29 00:00:00|2
2024-03-30 00:00:00|2

SELECT x, count(*) OVER (ORDER BY x RANGE BETWEEN 0.5 PRECEDING AND CURRENT ROW) FROM (VALUES (1.0), (1.5), (2.1), (NULL)) t(x) ORDER BY x
----
1.0|1
1.5|2
2.1|1
NULL|1

# EXCLUDE
SELECT at, v, sum(v) OVER (ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) AS own, sum(v) OVER (ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP) AS whole, sum(v) OVER (ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) AS ties, sum(v) OVER (ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE NO OTHERS) AS nothing FROM w ORDER BY at, v
----
1|1|30|30|31|31
2|2|29|25|27|31
2|4|27|25|29|31
3|16|15|15|31|31
5|8|23|23|31|31
9|NULL|31|31|31|31

SELECT at, v, sum(v) OVER (ORDER BY at, v ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW), array_agg(v) OVER (ORDER BY at, v ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW), first_value(v) OVER (PARTITION BY k ORDER BY at, v ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM w ORDER BY at, v
----
1|1|2|{2}|NULL
2|2|5|{1,4}|1
2|4|18|{2,16}|1
3|16|12|{4,8}|NULL
5|8|16|{16,NULL}|1
9|NULL|8|{8}|16

SELECT at, v, sum(v) OVER (ORDER BY at RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE GROUP), count(*) OVER (ORDER BY at GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) FROM w ORDER BY at, v
----
1|1|6|3
2|2|17|3
2|4|17|3
3|16|6|4
5|8|NULL|3
9|NULL|NULL|2

# Functions that need no frame, or only the frame's ends.
SELECT at, v, row_number() OVER (ORDER BY at, v), rank() OVER (ORDER BY at), dense_rank() OVER (ORDER BY at), ntile(4) OVER (ORDER BY at, v), percent_rank() OVER (ORDER BY at), cume_dist() OVER (PARTITION BY k ORDER BY at) FROM w ORDER BY at, v
----
1|1|1|1|1|1|0|0.25
2|2|2|2|2|1|0.2|0.75
2|4|3|2|2|2|0.2|0.75
3|16|4|4|3|2|0.6|0.5
5|8|5|5|4|3|0.8|1
9|NULL|6|6|5|4|1|1

SELECT at, v, lag(v) OVER o, lead(v, 2, -1) OVER o, first_value(v) OVER o, last_value(v) OVER o, nth_value(v, 2) OVER o FROM w WINDOW o AS (PARTITION BY k ORDER BY at, v) ORDER BY at, v
----
1|1|NULL|4|1|1|NULL
2|2|1|8|1|2|2
2|4|2|-1|1|4|2
3|16|NULL|-1|16|16|NULL
5|8|4|-1|1|8|2
9|NULL|16|-1|16|NULL|NULL

SELECT at, last_value(v) OVER (PARTITION BY k ORDER BY at, v ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM w ORDER BY at, v
----
1|8
2|8
2|8
3|NULL
5|8
9|NULL

# One window made of another.
SELECT at, v, sum(v) OVER (o ROWS 1 PRECEDING), count(*) OVER o FROM w WINDOW p AS (PARTITION BY k), o AS (p ORDER BY at, v) ORDER BY at, v
----
1|1|1|1
2|2|3|2
2|4|6|3
3|16|16|1
5|8|12|4
9|NULL|16|2

SELECT at, v, sum(v) OVER (r ROWS 1 PRECEDING), sum(v) OVER ("q" ORDER BY at, v ROWS 1 PRECEDING) FROM w WINDOW p AS (PARTITION BY k), "q" AS (p), r AS (q ORDER BY at, v) ORDER BY at, sum(v) OVER (r RANGE UNBOUNDED PRECEDING), v
----
1|1|1|1
2|2|3|3
2|4|6|6
3|16|16|16
5|8|12|12
9|NULL|16|16

SELECT at, sum(v) OVER (o ORDER BY v) FROM w WINDOW p AS (PARTITION BY k), o AS (p ORDER BY at)
----
error

SELECT at, sum(v) OVER (o ROWS 1 PRECEDING) FROM w WINDOW p AS (PARTITION BY k), o AS (p ORDER BY at, v), x AS (o ROWS 2 PRECEDING) ORDER BY at, v
----
1|1
2|3
2|6
3|16
5|12
9|16

SELECT at, v, sum(v) FILTER (WHERE v > 1) OVER (ORDER BY at, v), avg(v) OVER (PARTITION BY k ORDER BY at, v ROWS 1 PRECEDING) > 2 FROM w ORDER BY at, v
----
1|1|NULL|f
2|2|2|f
2|4|6|t
3|16|22|t
5|8|30|t
9|NULL|30|t

# Over groups: the windows come after GROUP BY and HAVING, before DISTINCT and LIMIT.
SELECT k, sum(v), sum(sum(v)) OVER (ORDER BY k), rank() OVER (ORDER BY sum(v) DESC) FROM w GROUP BY k ORDER BY k
----
a|15|15|2
b|16|31|1

SELECT k, count(*) OVER () FROM w GROUP BY k HAVING sum(v) > 15
----
b|1

SELECT DISTINCT count(*) OVER (PARTITION BY k) FROM w ORDER BY 1
----
2
4

SELECT at, sum(v) OVER (ORDER BY at, v) FROM w ORDER BY sum(v) OVER (ORDER BY at, v) DESC LIMIT 2
----
5|31
9|31

# NULLs that are passed over, which PostgreSQL does not have.
SELECT x, last_value(x IGNORE NULLS) OVER (ORDER BY n), lag(x IGNORE NULLS) OVER (ORDER BY n), first_value(x IGNORE NULLS) OVER (ORDER BY n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM (VALUES (1, NULL), (2, 5), (3, NULL), (4, 7)) t(n, x) ORDER BY n
----
NULL|NULL|NULL|5
5|5|NULL|5
NULL|5|5|7
7|7|5|7

# QUALIFY
SELECT k, at, v FROM w QUALIFY row_number() OVER (PARTITION BY k ORDER BY at DESC) = 1 ORDER BY k
----
names k|at|v
a|5|8
b|9|NULL

SELECT k, at, v FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY at DESC) AS n FROM w) q WHERE n = 1 ORDER BY k
----
a|5|8
b|9|NULL

SELECT at, v, rank() OVER (ORDER BY at) AS place FROM w QUALIFY place BETWEEN 2 AND 4 ORDER BY at, v
----
2|2|2
2|4|2
3|16|4

# WHERE comes before the window, QUALIFY behind it.
SELECT at FROM w WHERE v < 16 QUALIFY count(*) OVER () = 4 AND at > 1 ORDER BY at
----
2
2
5

SELECT at FROM w QUALIFY count(*) OVER () = 4
----
(no rows)

SELECT k, sum(v) FROM w GROUP BY k HAVING count(*) > 1 QUALIFY rank() OVER (ORDER BY sum(v) DESC) = 1
----
b|16

SELECT DISTINCT k FROM w WINDOW o AS (PARTITION BY k ORDER BY at) QUALIFY sum(v) OVER o > 6 ORDER BY k
----
a
b

SELECT at FROM w QUALIFY row_number() OVER ()
----
error 42804: argument of QUALIFY must be type boolean, not type bigint

SELECT at FROM w QUALIFY at > 1
----
error 42601: at least one window function must appear in the SELECT column or QUALIFY clause

SELECT at FROM w WHERE rank() OVER (ORDER BY at) = 1
----
error 42P20: window functions are not allowed in WHERE

SELECT sum(v) OVER nosuch FROM w
----
error 42704: window "nosuch" does not exist

SELECT sum(v) OVER (ORDER BY at ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) FROM w
----
error 42P20: frame starting from following row cannot have preceding rows

SELECT sum(v) OVER (ORDER BY at, v RANGE 1 PRECEDING) FROM w
----
error

SELECT row_number() FILTER (WHERE true) OVER () FROM w
----
error

SELECT sum(v) OVER (GROUPS 1 PRECEDING) FROM w
----
error 42P20: GROUPS mode requires an ORDER BY clause

SELECT sum(v) OVER (PARTITION BY k GROUPS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM w
----
error 42P20: GROUPS mode requires an ORDER BY clause

SELECT sum(v) OVER (ORDER BY at ROWS -1 PRECEDING) FROM w
----
error 22013: frame starting offset must not be negative

SELECT sum(v) OVER (ORDER BY at GROUPS BETWEEN CURRENT ROW AND -2 FOLLOWING) FROM w
----
error 22013: frame ending offset must not be negative

SELECT sum(v) OVER (ORDER BY at ROWS NULL PRECEDING) FROM w
----
error 22004: frame starting offset must not be null

SELECT sum(v) OVER (ORDER BY at ROWS BETWEEN 0 PRECEDING AND 1 - 1 FOLLOWING) FROM w ORDER BY 1
----
1
2
4
8
16
NULL

SELECT sum(v) OVER (o ORDER BY v) FROM w WINDOW o AS (ORDER BY at)
----
error 42P20: Cannot override ORDER BY clause of window "o"

SELECT sum(v) OVER (o ROWS 1 PRECEDING) FROM w WINDOW o AS (ORDER BY at ROWS 2 PRECEDING)
----
error 42P20: cannot copy window "o" because it has a frame clause

SELECT sum(v) OVER o FROM w WINDOW o AS (ORDER BY at), o AS (ORDER BY v)
----
error 42P20: window "o" is already defined

SELECT nth_value(v, 0) OVER () FROM w
----
error 22016: argument of nth_value must be greater than zero

SELECT nth_value(v, -1) OVER () FROM w
----
error 22016: argument of nth_value must be greater than zero

SELECT ntile(0) OVER () FROM w
----
error 22014: argument of ntile must be greater than zero

SELECT ntile(at - at) OVER () FROM w
----
error 22014: argument of ntile must be greater than zero

SELECT DISTINCT nth_value(v, NULL) OVER (), nth_value(v, 2) OVER (ORDER BY at, v ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM w
----
NULL|2
