# Types that PostgreSQL does not have: T list, map[text=>T], unsigned integers, mz_timestamp.

SELECT LIST[1, 2, NULL], LIST[]::text list, '{a,b}'::text list
----
{1,2,NULL}|{}|{a,b}

SELECT '{a=>1,b=>NULL}'::map[text=>int], '{a=>1}'::map[text=>int] -> 'a'
----
{a=>1,b=>NULL}|1

SELECT '65535'::uint2, '4294967295'::uint4, '18446744073709551615'::uint8
----
65535|4294967295|18446744073709551615

SELECT '-1'::uint4
----
error 22003

SELECT 1::mz_timestamp
----
1

CREATE TABLE t (a int list, b map[text=>text], c uint8)
----
ok CREATE TABLE

INSERT INTO t VALUES (LIST[1, 2], '{k=>v}', 5), (NULL, NULL, NULL)
----
ok INSERT 0 2

SELECT * FROM t ORDER BY c
----
{1,2}|{k=>v}|5
NULL|NULL|NULL
