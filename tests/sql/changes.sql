# INSERT, UPDATE and DELETE with queries.

# How many columns a query gives is known before any row is stored.

CREATE TABLE two (a integer, b integer DEFAULT 9)
----
ok CREATE TABLE

CREATE TABLE one (x integer)
----
ok CREATE TABLE

CREATE TABLE three (x integer, y integer, z integer)
----
ok CREATE TABLE

INSERT INTO one VALUES (1)
----
ok INSERT 0 1

INSERT INTO three VALUES (1, 2, 3)
----
ok INSERT 0 1

INSERT INTO two SELECT * FROM three
----
error 42601: INSERT has more expressions than target columns

INSERT INTO two (a) SELECT y, z FROM three UNION ALL SELECT 1, 2
----
error 42601: INSERT has more expressions than target columns

INSERT INTO two WITH q AS (SELECT * FROM three) SELECT * FROM q
----
error 42601: INSERT has more expressions than target columns

WITH q AS (SELECT * FROM three) INSERT INTO two SELECT * FROM q
----
error 42601: INSERT has more expressions than target columns

INSERT INTO two (b, a) SELECT * FROM one
----
error 42601: INSERT has more target columns than expressions

INSERT INTO two (b, a) SELECT x FROM one UNION ALL SELECT 5
----
error 42601: INSERT has more target columns than expressions

SELECT count(*) FROM two
----
0

# What a query does not give has its default.
INSERT INTO two SELECT * FROM one
----
ok INSERT 0 1

INSERT INTO two SELECT x + 1 FROM one UNION ALL SELECT 3
----
ok INSERT 0 2

INSERT INTO two (b, a) SELECT t.x, o.* FROM three t JOIN one o ON t.x = o.x
----
ok INSERT 0 1

WITH q AS (SELECT 7 AS p, 8 AS q) INSERT INTO two SELECT * FROM q
----
ok INSERT 0 1

SELECT * FROM two ORDER BY a, b
----
1|1
1|9
2|9
3|9
7|8

INSERT INTO two SELECT * FROM nosuch
----
error 42P01: relation "nosuch" does not exist

INSERT INTO two SELECT *, nosuch FROM one
----
error 42703: column "nosuch" does not exist

# DuckDB's alone.
INSERT INTO two SELECT * EXCLUDE (z) FROM three
----
ok INSERT 0 1

INSERT INTO two SELECT COLUMNS(*) FROM three
----
error 42601: INSERT has more expressions than target columns

# WITH in front.
CREATE TABLE stock (id integer PRIMARY KEY, n integer)
----
ok CREATE TABLE

WITH q AS (SELECT 1 AS x), r(i, j) AS (SELECT x, x * 10 FROM q UNION ALL VALUES (2, 20), (3, 30)) INSERT INTO stock SELECT i, j FROM r
----
ok INSERT 0 3

WITH q AS (SELECT 4 AS x) INSERT INTO stock VALUES ((SELECT x FROM q), 40), (5, (SELECT x * 10 + 10 FROM q))
----
ok INSERT 0 2

WITH RECURSIVE q(x) AS (SELECT 6 UNION ALL SELECT x + 1 FROM q WHERE x < 8) INSERT INTO stock SELECT x, x * 10 FROM q
----
ok INSERT 0 3

WITH q AS (SELECT 2 AS x), r AS (SELECT x + 1 AS x FROM q) UPDATE stock SET n = n + 1 FROM r WHERE id = r.x
----
ok UPDATE 1

WITH q AS (SELECT avg(n) AS middle FROM stock) UPDATE stock s SET n = 0 WHERE n > (SELECT middle FROM q) AND id IN (SELECT 8 FROM q)
----
ok UPDATE 1

WITH gone(i) AS (VALUES (1), (2)) DELETE FROM stock USING gone WHERE id = gone.i
----
ok DELETE 2

WITH gone AS MATERIALIZED (SELECT id FROM stock WHERE n = 0) DELETE FROM stock WHERE id IN (SELECT id FROM gone)
----
ok DELETE 1

SELECT * FROM stock ORDER BY id
----
3|31
4|40
5|50
6|60
7|70

# A common table hides a table of its name, but not the one that is changed.
WITH stock AS (SELECT 4 AS id) DELETE FROM stock WHERE id IN (SELECT id FROM stock)
----
ok DELETE 1

SELECT id FROM stock ORDER BY id
----
3
5
6
7

WITH q AS (INSERT INTO stock VALUES (9, 9) RETURNING id) SELECT * FROM q
----
error
