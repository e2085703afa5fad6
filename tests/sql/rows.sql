# Row constructors compared: field by field, NULL where a NULL decides.

SELECT (1, 2) = (1, 2), (1, NULL::int) = (1, 2), (1, NULL::int) = (1, NULL::int), (1, NULL::int) = (2, 2)
----
t|NULL|NULL|f

SELECT (1, 2) <> (1, 3), (1, NULL::int) <> (1, 2), (1, NULL::int) <> (2, 2), (1, 2) <> (1, 2)
----
t|NULL|t|f

SELECT (1, NULL::int) < (2, 0), (1, NULL::int) < (1, 2), (2, NULL::int) < (1, 2), (1, 2) < (1, 3), (1, 2) < (1, 2)
----
t|NULL|f|t|f

SELECT (1, 2) <= (1, 2), (1, 2, 3) > (1, 2, 2), (1, 2, 3) >= (1, 3, 0), (NULL::int, 1) >= (1, 1)
----
t|t|f|NULL

SELECT ((1, NULL::int), 3) = ((1, 2), 3), ((1, NULL::int), 3) = ((1, 2), 4), ((1, 2), 3) < ((1, 3), 0)
----
f|f|t

SELECT (1, 2) IN ((1, 2), (3, 4)), (1, NULL::int) IN ((1, 2)), (1, NULL::int) IN ((2, 2)), (1, 2) NOT IN ((1, NULL::int)), (1, 2) NOT IN ((3, NULL::int))
----
t|NULL|f|NULL|t

SELECT (2, 0) BETWEEN (1, 9) AND (2, 1), (2, NULL::int) BETWEEN (1, 9) AND (3, 0), (2, NULL::int) BETWEEN (2, 0) AND (3, 0)
----
t|t|NULL

SELECT (1, NULL::int) IS DISTINCT FROM (1, 2), (1, NULL::int) IS NOT DISTINCT FROM (1, NULL::int)
----
t|t

SELECT (1, 2) = (1, 2, 3)
----
error 42601: unequal number of entries in row expressions

CREATE TABLE t (a integer, b integer)
----
ok CREATE TABLE

CREATE TABLE n (x integer, y integer)
----
ok CREATE TABLE

INSERT INTO t VALUES (1, 1), (1, 2), (2, 1), (NULL, 1), (1, NULL), (NULL, NULL)
----
ok INSERT 0 6

INSERT INTO n VALUES (1, 1), (1, NULL), (3, 3)
----
ok INSERT 0 3

SELECT a, b, (a, b) IN (SELECT x, y FROM n), (a, b) NOT IN (SELECT x, y FROM n) FROM t ORDER BY a, b
----
1|1|t|f
1|2|NULL|NULL
1|NULL|NULL|NULL
2|1|f|t
NULL|1|NULL|NULL
NULL|NULL|NULL|NULL

# Without a row there is nothing that may be equal.
SELECT count(*) FROM t WHERE (a, b) NOT IN (SELECT x, y FROM n WHERE x > 7)
----
6

SELECT a, b FROM t WHERE (a, b) NOT IN (SELECT x, y FROM n) ORDER BY a, b
----
2|1

SELECT a, b FROM t WHERE (a, b) IN (SELECT x, y FROM n) OR b = 2 ORDER BY a, b
----
1|1
1|2

# With what is outside.
SELECT a, b, (a, b) IN (SELECT x, y FROM n WHERE x = t.b) FROM t ORDER BY a, b
----
1|1|t
1|2|f
1|NULL|f
2|1|f
NULL|1|NULL
NULL|NULL|f

SELECT (1, 2) < ANY (SELECT 1, 3), (1, 2) > ALL (SELECT 1, 3), (1, 2) < ANY (SELECT 1, NULL::int), (1, 2) <> ALL (SELECT x, y FROM n)
----
t|f|NULL|NULL

SELECT t.a, t.b, n.x FROM t JOIN n ON (t.a, t.b) = (n.x, n.y) ORDER BY 1, 2
----
1|1|1

CREATE VIEW others AS SELECT a, b FROM t WHERE NOT ((a, b) IN (SELECT x, y FROM n))
----
ok CREATE VIEW

SELECT * FROM others
----
2|1

SELECT (1, 2) IN (SELECT 1)
----
error 42601: subquery has too few columns

SELECT count(*) FROM t WHERE (a, b) IN (SELECT x, y, 1 FROM n)
----
error 42601: subquery has too many columns

# A row is NULL where all fields are, NOT NULL where none is.
SELECT ROW(NULL, NULL) IS NULL, ROW(1, NULL) IS NULL, ROW(1, NULL) IS NOT NULL, (1, 2) IS NOT NULL, ROW(ROW(NULL)) IS NULL
----
t|f|f|t|f
