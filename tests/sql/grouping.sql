# GROUP BY with several groupings at once, and what aggregates take besides their arguments.

CREATE TABLE sales (region text, item text, amount integer)
----
ok CREATE TABLE

INSERT INTO sales VALUES ('n', 'x', 1), ('n', 'x', 2), ('n', 'y', 4), ('s', 'x', 8), ('s', NULL, 16)
----
ok INSERT 0 5

SELECT region, item, sum(amount) FROM sales GROUP BY GROUPING SETS ((region), (item), ()) ORDER BY 1, 2, 3
----
n|NULL|7
s|NULL|24
NULL|x|11
NULL|y|4
NULL|NULL|16
NULL|NULL|31

SELECT region, sum(amount) FROM sales GROUP BY GROUPING SETS ((region), (region), ()) ORDER BY 1, 2
----
n|7
n|7
s|24
s|24
NULL|31

SELECT region, item, sum(amount), grouping(region), grouping(item), grouping(region, item) FROM sales GROUP BY ROLLUP (region, item) ORDER BY 4, 5, 1, 2
----
names region|item|sum|grouping|grouping|grouping
n|x|3|0|0|0
n|y|4|0|0|0
s|x|8|0|0|0
s|NULL|16|0|0|0
n|NULL|7|0|1|1
s|NULL|24|0|1|1
NULL|NULL|31|1|1|3

SELECT region, item, sum(amount), grouping(region, item) FROM sales GROUP BY CUBE (region, item) ORDER BY 4, 1, 2
----
n|x|3|0
n|y|4|0
s|x|8|0
s|NULL|16|0
n|NULL|7|1
s|NULL|24|1
NULL|x|11|2
NULL|y|4|2
NULL|NULL|16|2
NULL|NULL|31|3

SELECT grouping(item, region), sum(amount) FROM sales GROUP BY CUBE (region, item) ORDER BY 1, 2
----
0|3
0|4
0|8
0|16
1|4
1|11
1|16
2|7
2|24
3|31

# A NULL of the data beside the NULL of a total.
SELECT item, grouping(item), count(*) FROM sales WHERE region = 's' GROUP BY ROLLUP (item) ORDER BY 2, 1
----
x|0|1
NULL|0|1
NULL|1|2

SELECT region, item, sum(amount) FROM sales GROUP BY region, ROLLUP (item) ORDER BY 1, 2, 3
----
n|x|3
n|y|4
n|NULL|7
s|x|8
s|NULL|16
s|NULL|24

SELECT region, item, sum(amount) FROM sales GROUP BY CUBE (region), ROLLUP (item) ORDER BY 1, 2, 3
----
n|x|3
n|y|4
n|NULL|7
s|x|8
s|NULL|16
s|NULL|24
NULL|x|11
NULL|y|4
NULL|NULL|16
NULL|NULL|31

SELECT region, grouping(region), sum(amount) FROM sales GROUP BY GROUPING SETS (ROLLUP (region), CUBE (region)) ORDER BY 1, 2
----
n|0|7
n|0|7
s|0|24
s|0|24
NULL|1|31
NULL|1|31

SELECT region, item, sum(amount) FROM sales GROUP BY ROLLUP ((region, item)) ORDER BY 1, 2, 3
----
n|x|3
n|y|4
s|x|8
s|NULL|16
NULL|NULL|31

SELECT region, sum(amount) FROM sales GROUP BY ROLLUP (region) HAVING sum(amount) > 10 ORDER BY 1
----
s|24
NULL|31

SELECT CASE WHEN grouping(region) = 1 THEN 'all' ELSE region END AS name, sum(amount) FROM sales GROUP BY ROLLUP (region) ORDER BY grouping(region), 1
----
n|7
s|24
all|31

# Nothing to group: the empty set has its row all the same, the others have none.
SELECT region, count(*), sum(amount) FROM sales WHERE false GROUP BY GROUPING SETS ((region), ())
----
NULL|0|NULL

SELECT region, count(*) FROM sales WHERE false GROUP BY ROLLUP (region), item
----
(no rows)

SELECT amount % 2 = 0 AS even, region, count(*) FROM sales GROUP BY GROUPING SETS ((even), (region)) ORDER BY 1, 2
----
f|NULL|1
t|NULL|4
NULL|n|3
NULL|s|2

SELECT sum(amount), rank() OVER (ORDER BY sum(amount) DESC), region, item FROM sales GROUP BY ROLLUP (region, item) ORDER BY 2, 3, 4
----
31|1|NULL|NULL
24|2|s|NULL
16|3|s|NULL
8|4|s|x
7|5|n|NULL
4|6|n|y
3|7|n|x

SELECT region, grouping(item) FROM sales GROUP BY ROLLUP (region)
----
error

SELECT item, sum(amount) FROM sales GROUP BY GROUPING SETS ((region), ())
----
error

# ALL: by whatever is no aggregate.
SELECT region, item IS NULL AS none, sum(amount) FROM sales GROUP BY ALL ORDER BY ALL
----
names region|none|sum
n|f|7
s|f|8
s|t|16

SELECT sum(amount), region FROM sales GROUP BY ALL ORDER BY 1
----
7|n
24|s

# FILTER
SELECT region, count(*) FILTER (WHERE amount > 1), sum(amount) FILTER (WHERE item = 'x'), sum(amount) FILTER (WHERE false), count(*) FILTER (WHERE item IS NULL) FROM sales GROUP BY region ORDER BY 1
----
n|2|3|NULL|0
s|2|8|NULL|1

SELECT count(DISTINCT item) FILTER (WHERE amount < 8), array_agg(amount ORDER BY amount DESC) FILTER (WHERE region = 'n'), string_agg(item, '+' ORDER BY item) FILTER (WHERE amount > 1) FROM sales
----
2|{4,2,1}|x+x+y

SELECT region, sum(amount) FILTER (WHERE item = 'x') AS x, sum(amount) FILTER (WHERE item = 'y') AS y FROM sales GROUP BY region ORDER BY region
----
names region|x|y
n|3|4
s|8|NULL

SELECT sum(amount) FILTER (WHERE amount > 2) FROM sales GROUP BY ROLLUP (region) ORDER BY 1
----
4
24
28

SELECT count(*) FILTER (WHERE count(*) > 1) FROM sales
----
error 42803

# DISTINCT ON
SELECT DISTINCT ON (region) region, item, amount FROM sales ORDER BY region, amount DESC
----
n|y|4
s|NULL|16

SELECT DISTINCT ON (region, item) region, item, amount FROM sales ORDER BY region, item, amount
----
n|x|1
n|y|4
s|x|8
s|NULL|16

SELECT DISTINCT ON (amount % 3) amount % 3 AS rest, amount FROM sales ORDER BY amount % 3, amount DESC
----
1|16
2|8

SELECT DISTINCT ON (item) item FROM sales ORDER BY item DESC LIMIT 2
----
NULL
y

SELECT count(*) FROM (SELECT DISTINCT ON (region) * FROM sales) q
----
2

SELECT DISTINCT region, item IS NULL FROM sales ORDER BY 1, 2
----
n|f
s|f
s|t
