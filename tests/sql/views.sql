# Views: what they show, and what depends on them.

CREATE TABLE orders (id integer, customer text, amount numeric(10,2))
----
ok CREATE TABLE

INSERT INTO orders VALUES (1, 'ann', 10), (2, 'bob', 20), (3, 'ann', 5.5)
----
ok INSERT 0 3

CREATE VIEW totals AS SELECT customer, sum(amount) AS total, count(*) AS n FROM orders GROUP BY customer
----
ok CREATE VIEW

SELECT * FROM totals ORDER BY customer
----
names customer|total|n
ann|15.50|2
bob|20.00|1

INSERT INTO orders VALUES (4, 'cy', 1)
----
ok INSERT 0 1

SELECT * FROM totals WHERE total > 15 ORDER BY customer
----
ann|15.50|2
bob|20.00|1

CREATE VIEW totals AS SELECT 1
----
error 42P07: relation "totals" already exists

CREATE VIEW big (who, how_much) AS SELECT customer, total FROM totals WHERE total > 15
----
ok CREATE VIEW

SELECT who, how_much FROM big ORDER BY 1
----
ann|15.50
bob|20.00

SELECT big.who, o.id FROM big JOIN orders o ON o.customer = big.who ORDER BY o.id
----
ann|1
bob|2
ann|3

DROP TABLE orders
----
error 2BP01

DROP VIEW totals
----
error 2BP01

DROP TABLE totals
----
error 42809

DROP VIEW big
----
ok DROP VIEW

CREATE OR REPLACE VIEW totals AS SELECT customer, sum(amount) AS total, count(*) AS n FROM orders WHERE amount > 5 GROUP BY customer
----
ok CREATE VIEW

SELECT count(*) FROM totals
----
2

DROP TABLE orders CASCADE
----
ok DROP TABLE

SELECT * FROM totals
----
error 42P01: relation "totals" does not exist

CREATE VIEW broken AS SELECT nosuch FROM nothere
----
error 42P01: relation "nothere" does not exist

INSERT INTO nothere SELECT 1
----
error 42P01: relation "nothere" does not exist
