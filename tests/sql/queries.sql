# Relational queries.

CREATE TABLE a (id integer, x text)
----
ok CREATE TABLE

CREATE TABLE b (id integer, y integer)
----
ok CREATE TABLE

INSERT INTO a VALUES (1, 'one'), (2, 'two'), (3, NULL)
----
ok INSERT 0 3

INSERT INTO b VALUES (1, 10), (1, 11), (4, 40)
----
ok INSERT 0 3

SELECT a.id, x, y FROM a JOIN b ON a.id = b.id ORDER BY y
----
1|one|10
1|one|11

SELECT a.id, b.id FROM a LEFT JOIN b USING (id) ORDER BY 1, 2
----
1|1
1|1
2|NULL
3|NULL

SELECT a.id, b.id FROM a FULL JOIN b ON a.id = b.id ORDER BY 1 NULLS FIRST, 2
----
NULL|4
1|1
1|1
2|NULL
3|NULL

SELECT count(*) FROM a CROSS JOIN b
----
9

SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.id = a.id) ORDER BY id
----
1

SELECT id, (SELECT max(y) FROM b WHERE b.id = a.id) AS top FROM a ORDER BY id
----
names id|top
1|11
2|NULL
3|NULL

SELECT id FROM a WHERE id NOT IN (SELECT id FROM b) ORDER BY id DESC
----
3
2

SELECT id FROM a UNION SELECT id FROM b ORDER BY 1
----
1
2
3
4

SELECT id FROM a UNION ALL SELECT id FROM b ORDER BY 1 LIMIT 3 OFFSET 1
----
1
1
2

SELECT id FROM a EXCEPT SELECT id FROM b ORDER BY 1
----
2
3

WITH big AS (SELECT * FROM b WHERE y > 10) SELECT sum(y) FROM big
----
51

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n
----
15

SELECT id, y, sum(y) OVER (PARTITION BY id ORDER BY y) AS running, row_number() OVER (ORDER BY y DESC) AS place FROM b ORDER BY y
----
1|10|10|3
1|11|21|2
4|40|40|1

SELECT id, count(*), avg(y), array_agg(y ORDER BY y), string_agg(y::text, '+' ORDER BY y) FROM b GROUP BY id HAVING count(*) > 1
----
1|2|10.5|{10,11}|10+11

SELECT count(DISTINCT id), count(*) FILTER (WHERE y > 10) FROM b
----
2|2

SELECT DISTINCT id FROM b ORDER BY id
----
1
4

SELECT DISTINCT ON (id) id, y FROM b ORDER BY id, y DESC
----
1|11
4|40

SELECT x FROM a ORDER BY x
----
one
two
NULL

SELECT x FROM a ORDER BY x DESC
----
NULL
two
one

SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, s) WHERE n > 1
----
names n|s
2|b

SELECT g FROM generate_series(1, 5, 2) AS g
----
1
3
5

SELECT sum(y) FROM b
----
types 20
61

SELECT sum(y::bigint), sum(y::real) FROM b
----
types 1700|700
61|61

SELECT unnest(ARRAY[1, 2])
----
1
2

SELECT id, x FROM a GROUP BY id
----
error 42803

SELECT id FROM a WHERE count(*) > 1
----
error 42803

SELECT id FROM a, b
----
error 42702: column reference "id" is ambiguous

SELECT a.* FROM a ORDER BY nosuch
----
error 42703: column "nosuch" does not exist

# DISTINCT ON takes the first rows of an order that begins with its keys.
SELECT DISTINCT ON (a) a, b FROM (VALUES (1, 2), (1, 1)) t(a, b) ORDER BY b
----
error 42P10: SELECT DISTINCT ON expressions must match initial ORDER BY expressions

SELECT DISTINCT ON (a, b) a, b FROM (VALUES (1, 2), (1, 1)) t(a, b) ORDER BY b, b + 1
----
error 42P10

SELECT DISTINCT ON (a) a, b FROM (VALUES (1, 2), (1, 1)) t(a, b) ORDER BY a + 1, b
----
error 42P10

SELECT DISTINCT ON (t.a) u.a, t.b FROM (VALUES (1, 2), (1, 1)) t(a, b), (VALUES (1)) u(a) ORDER BY u.a
----
error 42P10

SELECT DISTINCT ON (a, b) a, b FROM (VALUES (1, 2), (1, 1)) t(a, b) ORDER BY b, a
----
1|1
1|2

SELECT DISTINCT ON (a, b) a, b FROM (VALUES (1, 2), (1, 2)) t(a, b) ORDER BY b
----
1|2

SELECT DISTINCT ON (x) a AS x, b FROM (VALUES (1, 2), (1, 1)) t(a, b) ORDER BY t.a, b
----
1|1

SELECT DISTINCT ON (1) a, b FROM (VALUES (1, 2), (1, 1)) t(a, b) ORDER BY t.a, b DESC
----
1|2

SELECT DISTINCT ON (a % 2) a, b FROM (VALUES (1, 2), (3, 1)) t(a, b) ORDER BY t.a % 2, b
----
3|1

SELECT DISTINCT ON (a) * FROM (VALUES (1, 2), (1, 1)) t(a, b) ORDER BY 1, 2
----
1|1

SELECT x FROM (VALUES (1), (1), (2)) t(x) ORDER BY x FETCH FIRST 1 ROW WITH TIES
----
error 0A000: FETCH ... WITH TIES is not supported

SELECT x FROM (VALUES (1), (1), (2)) t(x) QUALIFY rank() OVER (ORDER BY x) <= 1 ORDER BY x
----
1
1

SELECT 1 FOR UPDATE
----
error 0A000: SELECT locking clause is not supported
