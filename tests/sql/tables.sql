# Tables and their rows.

CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, amount numeric(10,2) DEFAULT 1.5)
----
ok CREATE TABLE

CREATE TABLE t (id integer)
----
error 42P07: relation "t" already exists

CREATE TABLE IF NOT EXISTS t (id integer)
----
ok CREATE TABLE

INSERT INTO t VALUES (1, 'a', 10), (2, 'b', 20.257)
----
ok INSERT 0 2

INSERT INTO t (id, name) VALUES (3, 'c')
----
ok INSERT 0 1

SELECT * FROM t ORDER BY id
----
names id|name|amount
1|a|10.00
2|b|20.26
3|c|1.50

INSERT INTO t VALUES (1, 'again', 0)
----
error 23505: duplicate key value violates unique constraint "t_pkey"

INSERT INTO t (id) VALUES (9)
----
error 23502: null value in column "name" ...

INSERT INTO t VALUES (NULL, 'x', 0)
----
error 23502: null value in column "id" ...

INSERT INTO t VALUES (10, 'x', 0), (11, 'y', 'no')
----
error 22P02: invalid input syntax for type numeric: "no"

INSERT INTO t (nosuch) VALUES (1)
----
error 42703: column "nosuch" of relation "t" does not exist

INSERT INTO nosuch VALUES (1)
----
error 42P01: relation "nosuch" does not exist

UPDATE t SET amount = amount * 2 WHERE id >= 2
----
ok UPDATE 2

UPDATE t SET name = NULL WHERE id = 1
----
error 23502: null value in column "name" ...

UPDATE t SET id = id + 100 WHERE id = 3
----
ok UPDATE 1

SELECT id, amount FROM t ORDER BY 1
----
1|10.00
2|40.52
103|3.00

UPDATE t SET id = 1 WHERE id = 2
----
error 23505: duplicate key value violates unique constraint "t_pkey"

DELETE FROM t WHERE id = 1
----
ok DELETE 1

INSERT INTO t VALUES (1, 'back', 7)
----
ok INSERT 0 1

DELETE FROM t WHERE id = 12345
----
ok DELETE 0

SELECT count(*), sum(amount), min(name), max(id) FROM t
----
3|50.52|b|103

CREATE TABLE copy AS SELECT id * 10 AS ten, name FROM t
----
ok SELECT 3

SELECT * FROM copy ORDER BY ten
----
names ten|name
10|back
20|b
1030|c

INSERT INTO copy SELECT ten + 1, name || '!' FROM copy
----
ok INSERT 0 3

SELECT count(*) FROM copy
----
6

# Rows without a key may be equal.
CREATE TABLE bag (x integer)
----
ok CREATE TABLE

INSERT INTO bag VALUES (1), (1), (2)
----
ok INSERT 0 3

DELETE FROM bag WHERE x = 1
----
ok DELETE 2

SELECT * FROM bag
----
2

DELETE FROM bag
----
ok DELETE 1

SELECT * FROM bag
----
(no rows)

SELECT count(*), sum(x) FROM bag
----
0|NULL

CREATE SCHEMA other
----
ok CREATE SCHEMA

CREATE SCHEMA other
----
error 42P06: schema "other" already exists

CREATE TABLE other.t (x text)
----
ok CREATE TABLE

INSERT INTO other.t VALUES ('in other')
----
ok INSERT 0 1

SELECT x FROM other.t
----
in other

DROP SCHEMA other RESTRICT
----
error 2BP01

DROP SCHEMA other CASCADE
----
ok DROP SCHEMA

SELECT x FROM other.t
----
error 42P01: relation "other.t" does not exist

CREATE TABLE nosuch.t (x text)
----
error 3F000: schema "nosuch" does not exist

DROP TABLE copy
----
ok DROP TABLE

DROP TABLE copy
----
error 42P01: table "copy" does not exist

DROP TABLE IF EXISTS copy
----
ok DROP TABLE

CREATE TABLE bad (x nosuchtype)
----
error 42704: type "nosuchtype" does not exist

CREATE TABLE "Quoted Name" ("Select" integer, "a""b" text)
----
ok CREATE TABLE

INSERT INTO "Quoted Name" VALUES (1, 'x')
----
ok INSERT 0 1

SELECT "Select", "a""b" FROM "Quoted Name"
----
names Select|a"b
1|x
