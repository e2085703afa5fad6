# What may stand beside * and instead of it in the list of a SELECT.

CREATE TABLE t (id integer, amount_net integer, amount_gross integer, note text)
----
ok CREATE TABLE

INSERT INTO t VALUES (1, 10, 12, 'a'), (2, 20, 24, NULL)
----
ok INSERT 0 2

SELECT * EXCLUDE (note) FROM t ORDER BY id
----
names id|amount_net|amount_gross
types 23|23|23
1|10|12
2|20|24

SELECT * EXCLUDE note, t.* EXCLUDE (id, amount_net, amount_gross) FROM t ORDER BY id
----
names id|amount_net|amount_gross|note
1|10|12|a
2|20|24|NULL

SELECT a.* EXCLUDE (note), b.* EXCLUDE (id) FROM t a JOIN (VALUES (2, 'z')) b(id, z) ON a.id = b.id
----
names id|amount_net|amount_gross|z
2|20|24|z

SELECT * EXCLUDE (a.id) FROM t a JOIN (VALUES (2, 'z')) b(id, z) ON a.id = b.id
----
names amount_net|amount_gross|note|id|z
20|24|NULL|2|z

SELECT * EXCLUDE (nosuch) FROM t
----
error 42601: Column "nosuch" in EXCLUDE list not found in FROM clause

SELECT * REPLACE (amount_net * 2 AS amount_net, coalesce(note, '-') AS note) FROM t ORDER BY id
----
names id|amount_net|amount_gross|note
1|20|12|a
2|40|24|-

SELECT * REPLACE (1 AS nosuch) FROM t
----
error 42601: Column "nosuch" in REPLACE list not found in FROM clause

SELECT * EXCLUDE (note, amount_gross) REPLACE (-id AS id) FROM t ORDER BY id
----
names id|amount_net
-2|20
-1|10

SELECT * RENAME (amount_net AS net) FROM t ORDER BY id LIMIT 1
----
names id|net|amount_gross|note
1|10|12|a

SELECT * LIKE 'amount%', id FROM t ORDER BY id
----
names amount_net|amount_gross|id
10|12|1
20|24|2

SELECT * NOT LIKE 'amount%' FROM t ORDER BY id
----
names id|note
1|a
2|NULL

# COLUMNS(…): the columns whose names the regular expression finds.
SELECT COLUMNS('amount_.*') FROM t ORDER BY 1
----
names amount_net|amount_gross
types 23|23
10|12
20|24

SELECT COLUMNS(*), COLUMNS(t.* EXCLUDE (note)) FROM t WHERE id = 1
----
names id|amount_net|amount_gross|note|id|amount_net|amount_gross
1|10|12|a|1|10|12

SELECT COLUMNS(ARRAY['note', 'id']) FROM t WHERE id = 1
----
names id|note
1|a

# An expression is worked out for each of them, and each keeps its name.
SELECT max(COLUMNS(*)), count(*) FROM t
----
names id|amount_net|amount_gross|note|count
types 23|23|23|25|20
2|20|24|a|2

SELECT min(COLUMNS('amount_.*')) AS "least_\0", max(COLUMNS('amount_(.*)')) AS "\1" FROM t
----
names least_amount_net|least_amount_gross|net|gross
10|12|20|24

SELECT COLUMNS('amount_.*') + COLUMNS('amount_.*'), COLUMNS('amount_.*')::text || 'x' FROM t WHERE id = 2
----
names amount_net|amount_gross|amount_net|amount_gross
40|48|20x|24x

SELECT id, sum(COLUMNS('amount_.*')) OVER (ORDER BY id) FROM t ORDER BY id
----
1|10|12
2|30|36

# In a condition all of them are meant.
SELECT id FROM t WHERE COLUMNS('amount_.*') > 11
----
2

SELECT id FROM t WHERE COLUMNS(*) IS NOT NULL
----
1

SELECT id FROM t ORDER BY COLUMNS('amount_.*') DESC
----
2
1

SELECT COLUMNS('nosuch') FROM t
----
error 42601: No matching columns found that match regex "nosuch"

SELECT COLUMNS('(') FROM t
----
error 42601 ...

SELECT COLUMNS(*)
----
error

SELECT COLUMNS('id') + COLUMNS('note') FROM t
----
error 42601 ...

SELECT COLUMNS(getvariable('x')) FROM t
----
error 42883: function getvariable(unknown) does not exist

SELECT COLUMNS(lambda c: c LIKE 'a%') FROM t
----
error 0A000: lambda functions are not supported

# Everywhere a query stands.
CREATE VIEW tops AS SELECT max(COLUMNS(* EXCLUDE (note))) FROM t
----
ok CREATE VIEW

SELECT * FROM tops
----
names id|amount_net|amount_gross
2|20|24

CREATE MATERIALIZED VIEW sums AS SELECT sum(COLUMNS('amount_.*')) FROM t
----
ok CREATE MATERIALIZED VIEW

INSERT INTO t SELECT * REPLACE (id + 2 AS id) FROM t
----
ok INSERT 0 2

INSERT INTO t (id, amount_net) SELECT COLUMNS('id|amount_net') + 4 FROM t WHERE id = 1
----
ok INSERT 0 1

SELECT * FROM t ORDER BY id
----
1|10|12|a
2|20|24|NULL
3|10|12|a
4|20|24|NULL
5|14|NULL|NULL

SELECT * FROM sums
----
names amount_net|amount_gross
74|72

CREATE TABLE copied AS SELECT COLUMNS('amount_.*') * 2 FROM t WHERE id < 3
----
ok SELECT 2

SELECT * FROM copied ORDER BY 1
----
names amount_net|amount_gross
20|24
40|48

SELECT (10, 12) IN (SELECT COLUMNS('amount_.*') FROM t WHERE id = 1)
----
t

# An index is not asked for a column that stands at another place than the list tells.
CREATE INDEX by_net ON t (amount_net)
----
ok CREATE INDEX

SELECT x, y, z FROM (SELECT COLUMNS('id|amount_gross'), amount_net FROM t) AS q(x, y, z) WHERE y = 24 ORDER BY x
----
2|24|20
4|24|20

SELECT x, y, z FROM (SELECT COLUMNS('id|amount_gross'), amount_net FROM t) AS q(x, y, z) WHERE z = 20 ORDER BY x
----
2|24|20
4|24|20

SELECT x FROM (SELECT * LIKE 'i%', amount_net FROM t) AS q(x, y) WHERE y = 14
----
5

# Where the rows of the statement's own table are looked at, more columns stand than a user's.
DELETE FROM t WHERE COLUMNS(*) IS NOT NULL
----
error 0A000: COLUMNS is not supported in UPDATE and DELETE

UPDATE t SET note = 'x' WHERE COLUMNS('amount_.*') > 11
----
error 0A000: COLUMNS is not supported in UPDATE and DELETE

UPDATE t SET id = COLUMNS('amount_net')
----
error 0A000: COLUMNS is not supported in UPDATE and DELETE

UPDATE t SET note = 'x' FROM (SELECT max(COLUMNS('id')) FROM t) top WHERE t.id = top.id
----
ok UPDATE 1

# A word like any other where no expression can begin.
CREATE TABLE columns (columns integer)
----
ok CREATE TABLE

INSERT INTO columns (columns) VALUES (1)
----
ok INSERT 0 1

SELECT columns, (columns), columns.columns FROM columns
----
1|1|1

SELECT a FROM t columns(a, b) WHERE b = 14
----
5

WITH x AS (SELECT 1), columns (q) AS (SELECT 2) SELECT q FROM columns
----
2
