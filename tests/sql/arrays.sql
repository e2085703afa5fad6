# Arrays: functions and several dimensions.

SELECT cardinality(ARRAY[1, 2, 3]), cardinality('{}'::int[]), cardinality(ARRAY[[1, 2], [3, 4]]), cardinality(NULL::int[])
----
names cardinality|cardinality|cardinality|cardinality
types 23|23|23|23
3|0|4|NULL

SELECT '{{1,2}}'::int[], '{{1,2},{3,4}}'::int[], ARRAY[[1, 2], [3, 4]], ' {{a,"b c"}}'::text[]
----
names int4|int4|array|text
types 1007|1007|1007|1009
{{1,2}}|{{1,2},{3,4}}|{{1,2},{3,4}}|{{a,"b c"}}

SELECT ('{{1,2},{3,4}}'::int[])[2][1], (ARRAY[[1, 2], [3, 4]])[1][2], (ARRAY[1, 2])[3]
----
names int4|array|array
types 23|23|23
3|2|NULL

SELECT array_length('{{1,2},{3,4}}'::int[], 2), array_length(ARRAY[1, 2], 1), array_length(ARRAY[1, 2], 2), array_length('{}'::int[], 1)
----
names array_length|array_length|array_length|array_length
types 23|23|23|23
2|2|NULL|NULL

SELECT '{1,2'::int[]
----
error 22P02: malformed array literal: "{1,2"

SELECT array_remove(ARRAY[1, 2, 3, 2], 2), array_remove(ARRAY['a', NULL], NULL), array_replace(ARRAY[1, 2, 5, 4], 5, 3), array_positions(ARRAY['A', 'A', 'B', 'A'], 'A')
----
names array_remove|array_remove|array_replace|array_positions
types 1007|1009|1007|1007
{1,3}|{a}|{1,2,3,4}|{1,2,4}

SELECT array_position(ARRAY['sun', 'mon'], 'mon'), array_position(ARRAY['sun'], 'x'), array_append(ARRAY[1, 2], 3), array_cat(ARRAY[1, 2], ARRAY[3, 4]), array_prepend(1, ARRAY[2])
----
names array_position|array_position|array_append|array_cat|array_prepend
types 23|23|1007|1007|1007
2|NULL|{1,2,3}|{1,2,3,4}|{1,2}

SELECT array_ndims(ARRAY[1]), array_ndims(ARRAY[[1], [2]]), array_dims(ARRAY[1, 2]), array_dims(ARRAY[[1, 2], [3, 4]]), array_upper(ARRAY[1, 8], 1), array_lower(ARRAY[1, 2], 1), array_ndims('{}'::int[])
----
names array_ndims|array_ndims|array_dims|array_dims|array_upper|array_lower|array_ndims
types 23|23|25|25|23|23|23
1|2|[1:2]|[1:2][1:2]|2|1|NULL

SELECT array_fill(7, ARRAY[3]), trim_array(ARRAY[1, 2, 3], 1), array_fill('x'::text, ARRAY[2])
----
names array_fill|trim_array|array_fill
types 1007|1007|1009
{7,7,7}|{1,2}|{x,x}

SELECT trim_array(ARRAY[1, 2, 3], 4)
----
error 2202E: number of elements to trim must be between 0 and 3

SELECT array_agg(x ORDER BY x DESC), string_agg(x, ',' ORDER BY x DESC) FROM (VALUES ('a'), ('b'), ('a')) t(x)
----
names array_agg|string_agg
types 1009|25
{b,a,a}|b,a,a

SELECT * FROM unnest(ARRAY[1, 2]) WITH ORDINALITY AS t(a, n)
----
names a|n
types 23|20
1|1
2|2

SELECT x FROM unnest(ARRAY['a', 'b']) x
----
names x
types 25
a
b

SELECT ARRAY[1, 2] = ARRAY[1, 2], ARRAY[1, 2] < ARRAY[1, 3], ARRAY[1, 2] @> ARRAY[1], ARRAY[1] <@ ARRAY[1, 2], ARRAY[1, 2] && ARRAY[2, 3], 1 = ANY(ARRAY[1, 2]), ARRAY[1, 2] || 3, 0 || ARRAY[1]
----
names ?column?|?column?|?column?|?column?|?column?|?column?|?column?|?column?
types 16|16|16|16|16|16|1007|1007
t|t|t|t|t|t|{1,2,3}|{0,1}

SELECT (ARRAY[1, 2, 3, 4])[2:3], (ARRAY[1, 2, 3])[2:], (ARRAY[1, 2, 3])[:2]
----
names array|array|array
types 1007|1007|1007
{2,3}|{2,3}|{1,2}

CREATE TABLE boards AS SELECT 1 AS id, ARRAY[ARRAY[1, 2], ARRAY[3, 4]] AS cells
----
ok SELECT 1

SELECT id, cells FROM boards
----
names id|cells
types 23|1007
1|{{1,2},{3,4}}

CREATE TABLE grids (cells int[][])
----
ok CREATE TABLE

INSERT INTO grids VALUES (ARRAY[ARRAY[1, 2]]), (NULL)
----
ok INSERT 0 2

SELECT cells, cells[1][2] FROM grids ORDER BY cells
----
names cells|cells
types 1007|23
{{1,2}}|2
NULL|NULL

SELECT '{{1,2},{3}}'::int[]
----
error 22P02: malformed array literal: "{{1,2},{3}}"

SELECT '{{1,2},{3,4}}'::int[], '{}'::int[], '{"a,{b",c}'::text[], '{{"},{"},{x}}'::text[]
----
{{1,2},{3,4}}|{}|{"a,{b",c}|{{"},{"},{x}}

# ANY and ALL of a literal or a parameter, which takes the type of what it is compared with.
SELECT x, x = ANY('{1,3}'), x = ANY('{9,NULL}'), x <> ALL('{1,3}'), x <> ALL('{9,NULL}'), x = ANY('{}'), x = ANY(NULL) FROM (VALUES (1), (2), (NULL)) t(x)
----
1|t|NULL|f|NULL|f|NULL
2|f|NULL|t|NULL|f|NULL
NULL|NULL|NULL|NULL|NULL|f|NULL

PREPARE anyone AS SELECT x FROM (VALUES (1, 'a'), (2, 'b')) t(x, y) WHERE x = ANY($1) AND y = ANY($2)
----
ok PREPARE

EXECUTE anyone('{1,2}', '{b,c}')
----
2

# Several arrays in FROM stand side by side.
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b', 'c']) AS u(n, t)
----
1|a
2|b
NULL|c

SELECT u.*, x FROM (VALUES ('q')) v(x), unnest(ARRAY[x, 'r'], ARRAY[7]) WITH ORDINALITY AS u(a, b, place) ORDER BY place
----
q|7|1|q
r|NULL|2|q

CREATE VIEW side_by_side AS SELECT n, t FROM unnest('{1,2}'::int[], '{a}'::text[]) AS u(n, t)
----
ok CREATE VIEW

SELECT * FROM side_by_side ORDER BY n
----
types 23|25
1|a
2|NULL

SELECT unnest(ARRAY[1, 2], ARRAY['a', 'b', 'c'])
----
error 42883: function unnest(integer[], text[]) does not exist
