# Regular expressions.

SELECT substring('foobar' from 'o.b'), substring('foobar' from 'o(.)b'), substring('foobar', 'o.b'), substring('foobar' from 'x')
----
names substring|substring|substring|substring
types 25|25|25|25
oob|o|oob|NULL

SELECT regexp_count('123456789012', '\d\d\d', 2), regexp_instr('ABCDEF', 'c(.)(..)', 1, 1, 0, 'i'), regexp_like('Hello World', 'world$', 'i'), regexp_substr('ABCDEF', 'c(.)(..)', 1, 1, 'i', 2), regexp_instr('ABCDEF', 'c(.)(..)', 1, 1, 1, 'i', 2), regexp_substr('abc', 'x')
----
names regexp_count|regexp_instr|regexp_like|regexp_substr|regexp_instr|regexp_substr
types 23|23|16|25|23|25
3|3|t|EF|7|NULL

SELECT regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_match('abc', 'x'), regexp_match('xay', '(x)(b)?(a)'), regexp_match('ABC', 'b', 'i')
----
names regexp_match|regexp_match|regexp_match|regexp_match
types 1009|1009|1009|1009
{bar,beque}|NULL|{x,NULL,a}|{B}

SELECT regexp_match('abc', 'b', 'g')
----
error 22023: regexp_match() does not support the "global" option

SELECT regexp_matches('foobarbequebaz', 'ba.', 'g')
----
names regexp_matches
types 1009
{bar}
{baz}

SELECT * FROM regexp_matches('foobarbequebazilbarfbonk', '(b[^b]+)(b[^b]+)', 'g')
----
names regexp_matches
types 1009
{bar,beque}
{bazil,barf}

SELECT regexp_split_to_array('hello world', '\s+'), regexp_split_to_array('hello', ''), regexp_split_to_array('a,b', ',')
----
names regexp_split_to_array|regexp_split_to_array|regexp_split_to_array
types 1009|1009|1009
{hello,world}|{h,e,l,l,o}|{a,b}

SELECT * FROM regexp_split_to_table('hello world foo', '\s+')
----
names regexp_split_to_table
types 25
hello
world
foo

SELECT x FROM regexp_split_to_table('a-b', '-') AS x
----
names x
types 25
a
b

SELECT * FROM string_to_table('a,b', ',')
----
names string_to_table
types 25
a
b

SELECT regexp_replace('Thomas', '.[mN]a.', 'M'), regexp_replace('foobarbaz', 'b..', 'X', 'g'), regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g'), regexp_replace('aBc', 'b', 'x', 'i')
----
names regexp_replace|regexp_replace|regexp_replace|regexp_replace
types 25|25|25|25
ThM|fooXX|fooXarYXazY|axc

SELECT 'abc' SIMILAR TO 'ab', 'foobar' SIMILAR TO '%(oo|bar)', 'abc' SIMILAR TO 'a(b|c)+', 'abc' NOT SIMILAR TO '_b_', 'a.c' SIMILAR TO 'a.c', 'abc' SIMILAR TO 'a.c'
----
names ?column?|?column?|?column?|?column?|?column?|?column?
types 16|16|16|16|16|16
f|t|t|f|t|f

SELECT regexp_like('a', '(')
----
error 2201B
