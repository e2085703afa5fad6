#!/usr/bin/python3
"""psycopg2, the usual driver of Python."""

import datetime
import decimal
import io
import uuid

import psycopg2
import psycopg2.errorcodes
import psycopg2.extras

import harness


class Psycopg2(harness.ServerTest):
    def setUp(self):
        super().setUp()
        self.db = self.connect()
        self.cursor = self.db.cursor()

    def connect(self):
        connection = psycopg2.connect(host=self.server.host, port=self.server.port, user="materialize",
                                      dbname="materialize", sslmode="prefer")
        self.addCleanup(connection.close)
        return connection

    def one(self, sql, values=None):
        self.cursor.execute(sql, values)
        return self.cursor.fetchone()

    def test_a_statement_that_is_too_long_is_told(self):
        for length in (17 << 20, 60 << 20):
            connection = self.connect()
            with self.assertRaises(psycopg2.Error) as caught:
                connection.cursor().execute("SELECT length('" + "x" * length + "')")
            self.assertIn("is larger than the limit of 16777216 bytes", str(caught.exception))

    def test_values_come_as_their_types(self):
        psycopg2.extras.register_uuid(conn_or_curs=self.db)
        row = self.one("SELECT 1, 2.50::numeric(5,2), 'text', true, NULL, date '2024-01-02', timestamp '2024-01-02 03:04:05.5', "
                       "interval '1 day 02:00:00', '\\x00ff'::bytea, '{1,2}'::int[], '{\"a\": [1]}'::jsonb, "
                       "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, 1.5::float8, time '01:02:03'")
        self.assertEqual(row[:8], (1, decimal.Decimal("2.50"), "text", True, None, datetime.date(2024, 1, 2),
                                   datetime.datetime(2024, 1, 2, 3, 4, 5, 500000), datetime.timedelta(days=1, hours=2)))
        self.assertEqual(bytes(row[8]), b"\0\xff")
        self.assertEqual(row[9:], ([1, 2], {"a": [1]}, uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), 1.5,
                                   datetime.time(1, 2, 3)))
        (moment,) = self.one("SELECT timestamptz '2024-01-02 03:04:05+02'")
        self.assertEqual(moment, datetime.datetime(2024, 1, 2, 1, 4, 5, tzinfo=datetime.timezone.utc))

    def test_values_go_as_their_types(self):
        values = (1, 1 << 40, 1.5, decimal.Decimal("12345678901234567890.123"), "it's \\ ä €", True, None,
                  datetime.date(2024, 2, 29), datetime.datetime(2024, 1, 2, 3, 4, 5, 6), [1, 2, None], psycopg2.Binary(b"\0'\\\xff"))
        self.cursor.execute("CREATE TABLE sent (a int, b bigint, c float8, d numeric(30,3), e text, f boolean, g int, h date, "
                            "i timestamp, j int[], k bytea)")
        self.cursor.execute("INSERT INTO sent VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", values)
        row = self.one("SELECT * FROM sent")
        self.assertEqual(row[:10], values[:10])
        self.assertEqual(bytes(row[10]), b"\0'\\\xff")
        self.db.rollback()

    def test_a_transaction_is_committed_or_rolled_back(self):
        other = self.connect()
        other.autocommit = True
        with other.cursor() as cursor:
            cursor.execute("CREATE TABLE seen (x int)")
        self.cursor.execute("INSERT INTO seen VALUES (1)")
        with other.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM seen")
            self.assertEqual(cursor.fetchone(), (0,))
        self.db.commit()
        with other.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM seen")
            self.assertEqual(cursor.fetchone(), (1,))
        self.cursor.execute("DELETE FROM seen")
        self.db.rollback()
        self.assertEqual(self.one("SELECT count(*) FROM seen"), (1,))

    def test_a_transaction_reads_one_time(self):
        other = self.connect()
        other.autocommit = True
        with other.cursor() as cursor:
            cursor.execute("CREATE TABLE moving AS SELECT 1 AS x")
            self.assertEqual(self.one("SELECT sum(x) FROM moving"), (1,))
            cursor.execute("UPDATE moving SET x = 2")
        self.assertEqual(self.one("SELECT sum(x) FROM moving"), (1,))
        self.db.commit()
        self.assertEqual(self.one("SELECT sum(x) FROM moving"), (2,))

    def test_errors_have_their_class(self):
        with self.assertRaises(psycopg2.errors.UndefinedTable) as caught:
            self.cursor.execute("SELECT * FROM nosuch")
        self.assertEqual(caught.exception.diag.message_primary, 'relation "nosuch" does not exist')
        self.assertEqual(caught.exception.diag.severity, "ERROR")
        with self.assertRaises(psycopg2.errors.InFailedSqlTransaction):
            self.cursor.execute("SELECT 1")
        self.db.rollback()
        self.assertEqual(self.one("SELECT 1"), (1,))

    def test_unique_violations_and_conflicts_are_told_apart(self):
        self.db.autocommit = True
        self.cursor.execute("CREATE TABLE keyed (id int PRIMARY KEY)")
        self.cursor.execute("INSERT INTO keyed VALUES (1)")
        with self.assertRaises(psycopg2.errors.UniqueViolation):
            self.cursor.execute("INSERT INTO keyed VALUES (1)")

    def test_two_transactions_that_change_one_row(self):
        other = self.connect()
        self.cursor.execute("CREATE TABLE fought (id int, x int)")
        self.cursor.execute("INSERT INTO fought VALUES (1, 0)")
        self.db.commit()
        self.cursor.execute("SELECT * FROM fought")
        self.cursor.execute("UPDATE fought SET x = 1")
        with other.cursor() as cursor:
            cursor.execute("SELECT * FROM fought")
            cursor.execute("UPDATE fought SET x = 2")
            self.db.commit()
            with self.assertRaises(psycopg2.errors.SerializationFailure):
                other.commit()
        self.assertEqual(self.one("SELECT x FROM fought"), (1,))

    def test_copy_in_and_out(self):
        self.cursor.execute("CREATE TABLE copied (id int, name text)")
        data = "".join(f"{i},name {i}\n" for i in range(10000))
        self.cursor.copy_expert("COPY copied FROM STDIN WITH (FORMAT csv)", io.StringIO(data))
        self.assertEqual(self.cursor.rowcount, 10000)
        self.assertEqual(self.one("SELECT count(*), sum(id) FROM copied"), (10000, 49995000))
        out = io.StringIO()
        self.cursor.copy_expert("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT WITH (FORMAT csv)", out)
        self.assertEqual(out.getvalue(), data)

    def test_descriptions_and_counts(self):
        self.cursor.execute("SELECT 1 AS a, 'x' AS b")
        self.assertEqual([column.name for column in self.cursor.description], ["a", "b"])
        self.assertEqual(self.cursor.rowcount, 1)
        self.assertEqual(self.cursor.statusmessage, "SELECT 1")

    def test_many_values_at_once(self):
        self.cursor.execute("CREATE TABLE many (a int, b text)")
        psycopg2.extras.execute_values(self.cursor, "INSERT INTO many VALUES %s", [(i, str(i)) for i in range(1000)])
        self.assertEqual(self.one("SELECT count(*), max(a) FROM many"), (1000, 999))

    def test_notices_arrive(self):
        self.db.autocommit = True
        self.cursor.execute("DROP TABLE IF EXISTS nosuch")
        self.assertEqual(self.db.notices[-1], 'NOTICE:  table "nosuch" does not exist, skipping\n')


if __name__ == "__main__":
    harness.main()
