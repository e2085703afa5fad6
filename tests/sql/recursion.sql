# WITH RECURSIVE.

CREATE TABLE parts (whole text, part text, count integer)
----
ok CREATE TABLE

INSERT INTO parts VALUES ('car', 'wheel', 4), ('car', 'door', 5), ('wheel', 'screw', 5), ('door', 'screw', 3), ('door', 'handle', 1)
----
ok INSERT 0 5

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n ORDER BY i
----
1
2
3
4
5

# UNION: what was there already is not followed again, so that a ring ends.
WITH RECURSIVE ring(i) AS (SELECT 1 UNION SELECT i % 3 + 1 FROM ring) SELECT i FROM ring ORDER BY i
----
1
2
3

WITH RECURSIVE needs(part, count) AS (SELECT part, count FROM parts WHERE whole = 'car' UNION ALL SELECT p.part, n.count * p.count FROM needs n JOIN parts p ON p.whole = n.part) SELECT part, sum(count) FROM needs GROUP BY part ORDER BY part
----
door|5
handle|5
screw|35
wheel|4

WITH RECURSIVE tree AS (SELECT part, 1 AS depth, 'car/' || part AS path FROM parts WHERE whole = 'car' UNION ALL SELECT p.part, depth + 1, path || '/' || p.part FROM tree t JOIN parts p ON p.whole = t.part) SELECT depth, path FROM tree ORDER BY path
----
names depth|path
1|car/door
2|car/door/handle
2|car/door/screw
1|car/wheel
2|car/wheel/screw

# Rows of one step only are seen by the next one.
WITH RECURSIVE f(n, a, b) AS (VALUES (1, 0::bigint, 1::bigint) UNION ALL SELECT n + 1, b, a + b FROM f WHERE n < 10) SELECT max(b) FROM f
----
55

# No end but the LIMIT's.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 3
----
1
2
3

# Several tables, of which one reads the other.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3), squares AS (SELECT i * i AS s FROM n) SELECT sum(s), (SELECT count(*) FROM n) FROM squares
----
14|3

WITH RECURSIVE a(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM a WHERE i < 3), b(j) AS (SELECT i FROM a UNION ALL SELECT j * 10 FROM b WHERE j < 10) SELECT j FROM b ORDER BY j
----
1
2
3
10
20
30

SELECT k, (WITH RECURSIVE n(i) AS (SELECT k UNION ALL SELECT i - 1 FROM n WHERE i > 1) SELECT sum(i) FROM n) FROM (VALUES (2), (4)) t(k) ORDER BY k
----
2|3
4|10

WITH RECURSIVE p(part) AS (SELECT 'car' UNION SELECT parts.part FROM p LEFT JOIN parts ON parts.whole = p.part WHERE parts.part IS NOT NULL) SELECT part FROM p ORDER BY part
----
car
door
handle
screw
wheel

# RECURSIVE allows it, and does not demand it.
WITH RECURSIVE one AS (SELECT 1 AS x) SELECT x FROM one
----
1

WITH m AS MATERIALIZED (SELECT 1 AS x), n AS NOT MATERIALIZED (SELECT 2 AS y) SELECT x + y FROM m, n
----
3

# In the first half its own name is another table's.
WITH RECURSIVE nowhere(i) AS (SELECT i FROM nowhere UNION ALL SELECT 1) SELECT * FROM nowhere
----
error 42P01: relation "nowhere" does not exist

# USING KEY: a row takes the place of the one with its key.
WITH RECURSIVE t(k, v) USING KEY (k) AS (SELECT * FROM (VALUES (1, 1), (2, 7)) v UNION SELECT k, v + 1 FROM t WHERE v < 4) SELECT k, v FROM t ORDER BY k
----
1|4
2|7

WITH RECURSIVE t(k, v) USING KEY (k) AS (SELECT 1, 1 UNION SELECT k, v + 1 FROM recurring.t WHERE v < 4) SELECT k, v FROM t
----
error 42P01: relation "recurring.t" does not exist
