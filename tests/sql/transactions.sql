# Transactions of several statements.

CREATE TABLE t (id integer PRIMARY KEY)
----
ok CREATE TABLE

BEGIN
----
ok BEGIN

INSERT INTO t VALUES (1), (2)
----
ok INSERT 0 2

SELECT count(*) FROM t
----
2

DELETE FROM t WHERE id = 1
----
ok DELETE 1

SELECT id FROM t
----
2

COMMIT
----
ok COMMIT

SELECT id FROM t
----
2

BEGIN
----
ok BEGIN

INSERT INTO t VALUES (3)
----
ok INSERT 0 1

ROLLBACK
----
ok ROLLBACK

SELECT id FROM t
----
2

BEGIN
----
ok BEGIN

INSERT INTO t VALUES (4)
----
ok INSERT 0 1

SELECT 1 / 0
----
error 22012: division by zero

SELECT 1
----
error 25P02: current transaction is aborted, commands ignored until end of transaction block

COMMIT
----
ok ROLLBACK

SELECT id FROM t
----
2

# Several statements of one text are one transaction.
INSERT INTO t VALUES (5); SELECT 1 / 0
----
error 22012: division by zero

SELECT id FROM t
----
2

COMMIT
----
ok COMMIT

ROLLBACK
----
ok ROLLBACK
