# Joins beyond those of queries.sql, and what stands beside a table in FROM.

CREATE TABLE trades (at integer, item text, price integer)
----
ok CREATE TABLE

INSERT INTO trades VALUES (10, 'a', 1), (20, 'a', 2), (15, 'b', 7), (12, NULL, 9)
----
ok INSERT 0 4

CREATE TABLE asks (at integer, item text)
----
ok CREATE TABLE

INSERT INTO asks VALUES (5, 'a'), (10, 'a'), (19, 'a'), (25, 'a'), (16, 'b'), (9, 'c'), (30, NULL)
----
ok INSERT 0 7

# ASOF: the last trade at or before the ask. NULLs are equal to nothing.
SELECT asks.at, asks.item, trades.at, price FROM asks ASOF JOIN trades ON asks.item = trades.item AND asks.at >= trades.at ORDER BY asks.item, asks.at
----
10|a|10|1
19|a|10|1
25|a|20|2
16|b|15|7

SELECT asks.at, asks.item, trades.at, price FROM asks ASOF LEFT JOIN trades ON asks.item = trades.item AND asks.at >= trades.at ORDER BY asks.item, asks.at
----
5|a|NULL|NULL
10|a|10|1
19|a|10|1
25|a|20|2
16|b|15|7
9|c|NULL|NULL
30|NULL|NULL|NULL

# The same asked as PostgreSQL can.
SELECT a.at, a.item, t.at, price FROM asks a LEFT JOIN LATERAL (SELECT * FROM trades t WHERE t.item = a.item AND t.at <= a.at ORDER BY t.at DESC LIMIT 1) t ON true ORDER BY a.item, a.at
----
5|a|NULL|NULL
10|a|10|1
19|a|10|1
25|a|20|2
16|b|15|7
9|c|NULL|NULL
30|NULL|NULL|NULL

# The last column of USING is the one that is not compared for equality.
SELECT at, item, price FROM asks ASOF JOIN trades USING (item, at) ORDER BY item, at
----
names at|item|price
10|a|1
19|a|1
25|a|2
16|b|7

# Strictly before; the first at or behind; the first behind.
SELECT a.at, price FROM asks a ASOF INNER JOIN trades t ON a.item = t.item AND a.at > t.at ORDER BY a.item, a.at
----
19|1
25|2
16|7

SELECT a.at, t.at FROM asks a ASOF LEFT OUTER JOIN trades t ON a.item = t.item AND a.at <= t.at WHERE a.item = 'a' ORDER BY a.at
----
5|10
10|10
19|20
25|NULL

SELECT a.at, t.at FROM asks a ASOF JOIN trades t ON a.item = t.item AND a.at < t.at ORDER BY a.at
----
5|10
10|20
19|20

# Without anything equal: one sequence.
SELECT a.at, t.at, t.item FROM asks a ASOF JOIN trades t ON a.at >= t.at ORDER BY a.at
----
10|10|a
16|15|b
19|15|b
25|20|a
30|20|a

# The trades that no ask has found.
SELECT a.at, t.at, price FROM asks a ASOF RIGHT JOIN trades t ON a.item = t.item AND a.at >= t.at ORDER BY price, a.at
----
10|10|1
19|10|1
25|20|2
16|15|7
NULL|12|9

SELECT a.at, t.at, price FROM asks a ASOF FULL JOIN trades t ON a.item = t.item AND a.at >= t.at ORDER BY a.at, t.at
----
5|NULL|NULL
9|NULL|NULL
10|10|1
16|15|7
19|10|1
25|20|2
30|NULL|NULL
NULL|12|9

SELECT 1 FROM asks a ASOF JOIN trades t ON a.item = t.item
----
error 42601: Missing ASOF JOIN inequality

# ASOF, SEMI, ANTI and POSITIONAL are words like any other where no JOIN follows.
SELECT asof.at, anti FROM trades AS asof, (VALUES (1)) AS semi(anti) WHERE at = 10
----
10|1

SELECT * FROM asks SEMI JOIN trades USING (item) ORDER BY item, at
----
names at|item
5|a
10|a
19|a
25|a
16|b

SELECT * FROM asks a WHERE EXISTS (SELECT 1 FROM trades t WHERE t.item = a.item) ORDER BY item, at
----
5|a
10|a
19|a
25|a
16|b

SELECT a.at FROM asks a SEMI JOIN trades t ON a.item = t.item AND t.at > a.at ORDER BY at
----
5
10
19

# A row without an item is in no trade: ANTI JOIN keeps it, as NOT EXISTS does.
SELECT * FROM asks ANTI JOIN trades USING (item) ORDER BY at
----
9|c
30|NULL

SELECT * FROM asks a WHERE NOT EXISTS (SELECT 1 FROM trades t WHERE t.item = a.item) ORDER BY at
----
9|c
30|NULL

SELECT t.at FROM asks a SEMI JOIN trades t USING (item)
----
error 42P01: missing FROM-clause entry for table "t"

# By place; the shorter side is filled with NULLs.
SELECT * FROM (VALUES (1), (2), (3)) a(x) POSITIONAL JOIN (VALUES ('a'), ('b')) b(y)
----
names x|y
1|a
2|b
3|NULL

SELECT positional.x FROM (VALUES (1)) positional(x) JOIN (VALUES (1)) b(x) ON b.x = positional.x
----
1

# LATERAL.
SELECT a.at, l.top FROM asks a, LATERAL (SELECT max(price) AS top FROM trades t WHERE t.at <= a.at) l ORDER BY a.at
----
5|NULL
9|NULL
10|1
16|9
19|9
25|9
30|9

SELECT a.at, l.price FROM asks a JOIN LATERAL (SELECT price FROM trades t WHERE t.item = a.item ORDER BY price DESC LIMIT 1) l ON l.price > 1 ORDER BY a.at
----
5|2
10|2
16|7
19|2
25|2

SELECT t.at, n, v FROM trades t CROSS JOIN LATERAL (VALUES ('at', t.at), ('price', t.price)) AS v(n, v) WHERE t.item = 'a' ORDER BY 1, 2
----
10|at|10
10|price|1
20|at|20
20|price|2

SELECT g, h FROM generate_series(1, 3) AS g, LATERAL generate_series(1, g) AS h ORDER BY 1, 2
----
1|1
2|1
2|2
3|1
3|2
3|3

SELECT x, y, z FROM (VALUES (1), (2)) a(x), LATERAL (SELECT x * 10 AS y) b, LATERAL (SELECT x + y AS z) c ORDER BY 1
----
1|10|11
2|20|22

SELECT 1 FROM (VALUES (1)) a(x) RIGHT JOIN LATERAL (SELECT a.x) b ON true
----
error

# VALUES.
VALUES (1, 'a'), (2, NULL) ORDER BY 1 DESC
----
names column1|column2
2|NULL
1|a

SELECT v.n * 2, s FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, s) ORDER BY 1
----
2|a
4|b

VALUES (1), (2), (3) ORDER BY column1 LIMIT 1 OFFSET 1
----
2

WITH v(a, b) AS (VALUES (1, 2), (3, 4)) SELECT sum(a * b) FROM v
----
14

SELECT * FROM (VALUES (1.5), (2.5)) v(x) WHERE (x, x) IN (VALUES (1.5, 1.5), (2.5, 2.0))
----
1.5

VALUES (1, 2), (3)
----
error 42601
