#!/usr/bin/python3
"""What was acknowledged is there after the process was killed at any moment."""

import random
import threading
import time

import harness
from wire import wait_until


class Writer(threading.Thread):
    """Inserts rows one by one until the connection breaks; remembers what was acknowledged."""

    def __init__(self, server, number):
        super().__init__(daemon=True)
        self.server, self.number, self.acknowledged, self.sent = server, number, [], 0

    def run(self):
        try:
            with self.server.wire() as connection:
                while True:
                    self.sent += 1
                    value = self.number * 1_000_000 + self.sent
                    connection.query(f"INSERT INTO log VALUES ({value}, 'row {value}')")
                    if self.sent % 5 == 0:
                        connection.query(f"UPDATE log SET text = 'changed' WHERE id = {value}")
                    if self.sent % 7 == 0:
                        connection.query(f"DELETE FROM log WHERE id = {value}")
                        continue
                    self.acknowledged.append(value)
        except OSError:
            pass


class Durability(harness.ServerTest):
    def test_acknowledged_rows_survive_kills_under_load(self):
        seed = int(time.time())
        print(f"seed {seed}")
        chance = random.Random(seed)
        self.sql.query("CREATE TABLE log (id int PRIMARY KEY, text text)")
        self.sql.query("CREATE TABLE batches (batch int, i int)")
        expected, perhaps, batches = set(), set(), 0
        for round_number in range(4):
            writers = [Writer(self.server, round_number * 10 + n) for n in range(4)]
            for writer in writers:
                writer.start()
            wanted = chance.randrange(50, 400)
            wait_until(lambda: sum(len(w.acknowledged) for w in writers) > wanted, "writes", 60)
            with self.server.wire() as loader:
                loader.query(f"INSERT INTO batches SELECT {round_number}, i FROM generate_series(1, 20000) AS g(i)")
                batches += 1
            self.server.kill()
            for writer in writers:
                writer.join(20)
                expected |= set(writer.acknowledged)
            # The one that was under way may be there or not; so may its deletion.
            perhaps |= {w.number * 1_000_000 + w.sent for w in writers}
            self.server.restart()
            with self.server.wire() as connection:
                rows = connection.rows("SELECT id, text FROM log")
                found = {int(row[0]) for row in rows}
                self.assertEqual(len(rows), len(found), "a key twice")
                self.assertEqual(expected - found, set(), "acknowledged rows are lost")
                self.assertLessEqual(found - expected, perhaps, "rows that nobody wrote")
                expected |= found
                for identity, text in rows:
                    if int(identity) % 1_000_000 % 5 == 0 and int(identity) not in perhaps:
                        self.assertEqual(text, "changed", identity)
                self.assertEqual(connection.rows("SELECT count(*), count(DISTINCT batch), sum(i) FROM batches"),
                                 [[str(batches * 20000), str(batches), str(batches * 200010000)]])

    def test_a_transaction_is_whole_or_not_there(self):
        self.sql.query("CREATE TABLE pairs (a int)")
        self.sql.query("CREATE TABLE mirrors (a int)")

        def write(server):
            try:
                with server.wire() as connection:
                    for i in range(1_000_000):
                        connection.query("BEGIN")
                        connection.query(f"INSERT INTO pairs VALUES ({i})")
                        connection.query(f"INSERT INTO mirrors VALUES ({i})")
                        connection.query("COMMIT")
            except OSError:
                pass

        for _ in range(3):
            thread = threading.Thread(target=write, args=(self.server,), daemon=True)
            thread.start()
            before = int(self.count("pairs"))
            wait_until(lambda: int(self.count("pairs")) > before + 20, "transactions")
            self.server.kill()
            thread.join(20)
            self.server.restart()
            self.assertEqual(self.count("pairs"), self.count("mirrors"))

    def count(self, table):
        with self.server.wire() as connection:
            return connection.value(f"SELECT count(*) FROM {table}")

    def test_definitions_survive(self):
        self.sql.query("CREATE SCHEMA kept")
        self.sql.query("CREATE TABLE kept.t (id int PRIMARY KEY, n numeric(10,2) NOT NULL DEFAULT 2.5, j jsonb, a int[])")
        self.sql.query("INSERT INTO kept.t VALUES (1, 1.25, '{\"a\": 1}', '{1,2}')")
        self.sql.query("CREATE VIEW kept.v AS SELECT id, n * 2 AS twice FROM kept.t")
        self.sql.query("CREATE SECRET kept_secret AS 'x'")
        self.sql.query("CREATE CONNECTION kept_connection TO AWS (ACCESS KEY ID = 'k', SECRET ACCESS KEY = SECRET kept_secret)")
        ids = "SELECT name, id FROM mz_objects WHERE id LIKE 'u%' ORDER BY id"
        before = self.sql.rows(ids)
        for stop in (self.server.kill, self.server.terminate):
            stop()
            self.server.restart()
            with self.server.wire() as connection:
                self.assertEqual(connection.rows(ids), before)
                self.assertEqual(connection.rows("SELECT * FROM kept.t"), [["1", "1.25", '{"a": 1}', "{1,2}"]])
                self.assertEqual(connection.rows("SELECT * FROM kept.v"), [["1", "2.50"]])
                self.assertEqual(connection.fault("INSERT INTO kept.t (id) VALUES (1)").sqlstate, "23505")
                self.assertEqual(connection.fault("INSERT INTO kept.t VALUES (3, NULL)").sqlstate, "23502")
                self.assertIn('"kept_secret"', connection.rows("SHOW CREATE CONNECTION kept_connection")[0][1])

    def test_times_do_not_go_back(self):
        before = int(self.sql.value("SELECT mz_now()"))
        self.server.kill()
        self.server.restart()
        with self.server.wire() as connection:
            self.assertGreaterEqual(int(connection.value("SELECT mz_now()")), before)

    def test_a_bulk_load_cut_short_leaves_nothing(self):
        self.sql.query("CREATE TABLE loaded (id int, filler text)")
        connection = self.server.wire()
        connection.send("Q", b"COPY loaded FROM STDIN\0")
        self.assertEqual(connection.receive().type, "G")
        line = b"1\t" + b"x" * 500 + b"\n"
        for _ in range(400):
            connection.send("d", line * 500)
        self.server.kill()
        connection.close()
        self.server.restart()
        self.assertEqual(self.count("loaded"), "0")


class History(harness.ServerTest):
    arguments = ("--retain-history-ms", "3600000")

    def test_as_of_reads_an_earlier_time(self):
        self.sql.query("CREATE TABLE told (x int)")
        self.sql.query("INSERT INTO told VALUES (1), (2)")
        then = int(self.sql.value("SELECT mz_now() FROM told LIMIT 1"))
        wait_until(lambda: int(self.sql.value("SELECT mz_now() FROM told LIMIT 1")) > then, "a later time")
        self.sql.query("UPDATE told SET x = 20 WHERE x = 2")
        self.sql.query("INSERT INTO told VALUES (3)")
        self.assertEqual(self.sql.rows(f"SELECT x FROM told ORDER BY x AS OF {then}"), [["1"], ["2"]])
        self.assertEqual(self.sql.rows("SELECT x FROM told ORDER BY x"), [["1"], ["3"], ["20"]])


if __name__ == "__main__":
    harness.main()
