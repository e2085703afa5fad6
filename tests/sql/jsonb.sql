# jsonb: made, taken apart, changed.

SELECT jsonb_agg(x ORDER BY x), jsonb_agg(x ORDER BY x DESC) FILTER (WHERE x > 1), jsonb_agg(DISTINCT x) FROM (VALUES (2), (1), (2)) t(x)
----
names jsonb_agg|jsonb_agg|jsonb_agg
types 3802|3802|3802
[1, 2, 2]|[2, 2]|[1, 2]

SELECT jsonb_agg(x) FROM (VALUES (1)) t(x) WHERE false
----
names jsonb_agg
types 3802
NULL

SELECT jsonb_agg(x) FROM (VALUES (NULL::int)) t(x)
----
names jsonb_agg
types 3802
[null]

SELECT jsonb_object_agg(k, v), jsonb_object_agg(k, v) FILTER (WHERE v > 1) FROM (VALUES ('b', 1), ('a', 2)) t(k, v)
----
names jsonb_object_agg|jsonb_object_agg
types 3802|3802
{"a": 2, "b": 1}|{"a": 2}

SELECT x, jsonb_agg(x) OVER (ORDER BY x) FROM (VALUES (1), (2)) t(x) ORDER BY x
----
names x|jsonb_agg
types 23|3802
1|[1]
2|[1, 2]

SELECT jsonb_build_object('a', 1, 'b', NULL, 'c', ARRAY[1, 2], 'd', 'x'), jsonb_build_array(1, 'x', NULL, true, 1.5), jsonb_build_object(), jsonb_build_array()
----
names jsonb_build_object|jsonb_build_array|jsonb_build_object|jsonb_build_array
types 3802|3802|3802|3802
{"a": 1, "b": null, "c": [1, 2], "d": "x"}|[1, "x", null, true, 1.5]|{}|[]

SELECT jsonb_build_object('a')
----
error 22023: argument list must have even number of elements

SELECT jsonb_build_object(NULL, 1)
----
error 22023: argument 1: key must not be null

SELECT to_jsonb(1.50), to_jsonb('x'::text), to_jsonb(true), to_jsonb(NULL::int), to_jsonb(timestamp '2024-01-02 03:04:05.5'), to_jsonb(timestamptz '2024-01-02 03:04:05+00'), to_jsonb(date '2024-01-02'), to_jsonb('NaN'::float8), to_jsonb(ARRAY['a', NULL]), to_jsonb(1e20::float8)
----
names to_jsonb|to_jsonb|to_jsonb|to_jsonb|to_jsonb|to_jsonb|to_jsonb|to_jsonb|to_jsonb|to_jsonb
types 3802|3802|3802|3802|3802|3802|3802|3802|3802|3802
1.50|"x"|true|NULL|"2024-01-02T03:04:05.5"|"2024-01-02T03:04:05+00:00"|"2024-01-02"|"NaN"|["a", null]|100000000000000000000

SELECT jsonb_object('{a,1,b,2}'), jsonb_object('{a,b}', '{1,NULL}')
----
names jsonb_object|jsonb_object
types 3802|3802
{"a": "1", "b": "2"}|{"a": "1", "b": null}

SELECT jsonb_set('[{"f1":1,"f2":null},2,null,3]', '{0,f1}', '[2,3,4]', false), jsonb_set('[{"f1":1,"f2":null},2]', '{0,f3}', '[2,3,4]'), jsonb_set('{"a":1}', '{b}', '2', false), jsonb_set('{"a":[1]}', '{a,9}', '2'), jsonb_set('{"a":[1]}', '{a,-9}', '2'), jsonb_set('{"a":1}', '{}', '2')
----
names jsonb_set|jsonb_set|jsonb_set|jsonb_set|jsonb_set|jsonb_set
types 3802|3802|3802|3802|3802|3802
[{"f1": [2, 3, 4], "f2": null}, 2, null, 3]|[{"f1": 1, "f2": null, "f3": [2, 3, 4]}, 2]|{"a": 1}|{"a": [1, 2]}|{"a": [2, 1]}|{"a": 1}

SELECT jsonb_set('{"a":[1]}', '{a,x}', '2')
----
error 22P02: path element at position 2 is not an integer: "x"

SELECT jsonb_set('1', '{a}', '2')
----
error 22023: cannot set path in scalar

SELECT jsonb_insert('{"a":[0,1,2]}', '{a,1}', '"new"'), jsonb_insert('{"a":[0,1,2]}', '{a,1}', '"new"', true), jsonb_insert('{"a":[0]}', '{a,-1}', '9', true), jsonb_insert('{"a":1}', '{b}', '2')
----
names jsonb_insert|jsonb_insert|jsonb_insert|jsonb_insert
types 3802|3802|3802|3802
{"a": [0, "new", 1, 2]}|{"a": [0, 1, "new", 2]}|{"a": [0, 9]}|{"a": 1, "b": 2}

SELECT jsonb_insert('{"a":1}', '{a}', '2')
----
error 22023: cannot replace existing key

SELECT * FROM jsonb_array_elements('[1,true,[2,false],"x",null]')
----
names value
types 3802
1
true
[2, false]
"x"
null

SELECT * FROM jsonb_array_elements_text('["foo","bar",null,{"a":1}]')
----
names value
types 25
foo
bar
NULL
{"a": 1}

SELECT jsonb_array_elements('[1,2]'), jsonb_array_elements_text('["a","b"]')
----
names jsonb_array_elements|jsonb_array_elements_text
types 3802|25
1|a
2|b

SELECT * FROM jsonb_object_keys('{"f1":"abc","f2":{"f3":"a"}}')
----
names jsonb_object_keys
types 25
f1
f2

SELECT jsonb_object_keys('{"f1":"abc","f2":{"f3":"a"}}')
----
names jsonb_object_keys
types 25
f1
f2

SELECT * FROM jsonb_each('{"a":"foo","b":"bar"}')
----
names key|value
types 25|3802
a|"foo"
b|"bar"

SELECT * FROM jsonb_each_text('{"a":"foo","b":null}')
----
names key|value
types 25|25
a|foo
b|NULL

SELECT k, v FROM jsonb_each('{"a":"foo","b":2}') AS x(k, v)
----
names k|v
types 25|3802
a|"foo"
b|2

SELECT key, value FROM (VALUES ('{"a":1}'::jsonb)) t(v), jsonb_each(v)
----
names key|value
types 25|3802
a|1

SELECT e.value ->> 'n' FROM (VALUES ('[{"n":1},{"n":2}]'::jsonb)) t(v), jsonb_array_elements(t.v) e ORDER BY 1
----
names ?column?
types 25
1
2

SELECT e FROM (VALUES ('[{"n":1},{"n":2}]'::jsonb)) t(v), jsonb_array_elements(v) AS e ORDER BY e ->> 'n'
----
names e
types 3802
{"n": 1}
{"n": 2}

SELECT t.id, e ->> 'n' FROM (VALUES (1, '[{"n":1},{"n":2}]'::jsonb), (2, '[]')) t(id, v) LEFT JOIN LATERAL jsonb_array_elements(t.v) e ON true ORDER BY 1, 2
----
names id|?column?
types 23|25
1|1
1|2
2|NULL

SELECT * FROM jsonb_array_elements('["a","b"]') WITH ORDINALITY
----
names value|ordinality
types 3802|20
"a"|1
"b"|2

SELECT * FROM jsonb_array_elements('["a","b"]') WITH ORDINALITY AS t(v, n)
----
names v|n
types 3802|20
"a"|1
"b"|2

SELECT jsonb_array_elements('{"a":1}')
----
error 22023: cannot extract elements from an object

SELECT jsonb_array_elements('1')
----
error 22023: cannot extract elements from a scalar

SELECT jsonb_object_keys('[1]')
----
error 22023: cannot call jsonb_object_keys on an array

SELECT jsonb_extract_path('{"a":{"b":[5,6]}}', 'a', 'b', '1'), jsonb_extract_path_text('{"a":{"b":"x"}}', 'a', 'b'), jsonb_extract_path('{"a":1}', 'z')
----
names jsonb_extract_path|jsonb_extract_path_text|jsonb_extract_path
types 3802|25|3802
6|x|NULL

SELECT '{"a":{"b":1,"c":2}}'::jsonb #- '{a,b}', '[1,2,3]'::jsonb - 1, '{"a":1,"b":2}'::jsonb - 'a'
----
names ?column?|?column?|?column?
types 3802|3802|3802
{"a": {"c": 2}}|[1, 3]|{"b": 2}

SELECT '{"a":1}'::jsonb || '{"b":2}', '[1]'::jsonb || '[2]', '{"a":1}'::jsonb @> '{"a":1}', '{"a":1}' <@ '{"a":1,"b":2}'::jsonb, '{"a":1}'::jsonb ? 'a', '{"a":1}'::jsonb ?| ARRAY['x','a'], '{"a":1}'::jsonb ?& ARRAY['x','a']
----
names ?column?|?column?|?column?|?column?|?column?|?column?|?column?
types 3802|3802|16|16|16|16|16
{"a": 1, "b": 2}|[1, 2]|t|t|t|t|f

SELECT '{"a":[1,{"b":2}]}'::jsonb #> '{a,1,b}', '{"a":[1,{"b":"x"}]}'::jsonb #>> '{a,1,b}', '{"a":1}'::jsonb -> 'a', '[1,2]'::jsonb -> -1, '{"a":null}'::jsonb ->> 'a'
----
names ?column?|?column?|?column?|?column?|?column?
types 3802|25|3802|3802|25
2|x|1|2|NULL

SELECT '{"a": 1.50, "b": "ä\u00e4", "a": 2}'::jsonb, '"\u0041"'::jsonb, ' [ 1 , 2 ] '::jsonb, 'true'::jsonb, '1e2'::jsonb
----
names jsonb|jsonb|jsonb|jsonb|jsonb
types 3802|3802|3802|3802|3802
{"a": 2, "b": "ää"}|"A"|[1, 2]|true|100

SELECT '{a:1}'::jsonb
----
error 22P02: invalid input syntax for type json

SELECT ('{"a":5}'::jsonb -> 'a')::int, ('{"a":5.5}'::jsonb -> 'a')::numeric, ('{"a":true}'::jsonb -> 'a')::boolean
----
names int4|numeric|bool
types 23|1700|16
5|5.5|t

SELECT ('{"a":"5"}'::jsonb -> 'a')::int
----
error 22023: cannot cast jsonb string to type integer
