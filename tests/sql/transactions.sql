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

# READ ONLY is kept: by BEGIN, SET TRANSACTION, the session's default and the setting itself.
BEGIN READ ONLY
----
ok BEGIN

SHOW transaction_read_only
----
on

SELECT count(*) >= 0 FROM t
----
t

INSERT INTO t VALUES (50)
----
error 25006: cannot execute INSERT in a read-only transaction

ROLLBACK
----
ok ROLLBACK

BEGIN
----
ok BEGIN

SET TRANSACTION READ ONLY
----
ok SET

DROP TABLE t
----
error 25006: cannot execute DROP in a read-only transaction

ROLLBACK
----
ok ROLLBACK

SET default_transaction_read_only = on
----
ok SET

DELETE FROM t
----
error 25006: cannot execute DELETE in a read-only transaction

CREATE TABLE t2 (a integer)
----
error 25006: cannot execute CREATE TABLE in a read-only transaction

BEGIN READ WRITE
----
ok BEGIN

INSERT INTO t VALUES (51)
----
ok INSERT 0 1

COMMIT
----
ok COMMIT

SHOW transaction_read_only
----
on

SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
----
ok SET

DELETE FROM t WHERE id = 51
----
ok DELETE 1

START TRANSACTION READ ONLY
----
ok START TRANSACTION

ROLLBACK
----
ok ROLLBACK
