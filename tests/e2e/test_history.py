#!/usr/bin/python3
"""RETAIN HISTORY: tables and views that can be read AS OF earlier times for longer than the rest."""

import random
import time
import unittest

import harness
from wire import wait_until

SEED = int(time.time())


class History(unittest.TestCase):
    """With the server's own time for all that says nothing: a second."""

    def setUp(self):
        super().setUp()
        self.server = harness.Server()
        self.addCleanup(self.server.close)
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)
        self.seen = []

    def change(self, times):
        chance = random.Random(SEED)
        for number in range(times):
            self.sql.query("BEGIN")
            for table in ("kept", "plain"):
                self.sql.query(f"INSERT INTO {table} SELECT g, {number} FROM generate_series(1, {chance.randrange(1, 9)}) g")
                self.sql.query(f"DELETE FROM {table} WHERE id = {chance.randrange(9)} AND v < {number}")
            self.sql.query("COMMIT")
            self.sql.query("BEGIN")
            rows = self.sql.rows("SELECT id, v FROM kept ORDER BY id, v")
            self.seen.append((self.sql.value("SELECT mz_now() FROM kept LIMIT 1") if rows else None, rows))
            self.sql.query("COMMIT")

    def assert_all_there(self, connection, name="kept"):
        for at, rows in self.seen:
            if at is None:
                continue
            self.assertEqual(connection.rows(f"SELECT id, v FROM {name} ORDER BY id, v AS OF {at}"), rows, f"seed {SEED}")

    def test_tables_and_views_keep_it_as_long_as_they_say(self):
        sql = self.sql
        sql.query("CREATE TABLE kept (id int, v int) WITH (RETAIN HISTORY FOR '1 hour')")
        sql.query("CREATE TABLE plain (id int, v int)")
        sql.query("CREATE MATERIALIZED VIEW copied WITH (RETAIN HISTORY = FOR '2h') AS SELECT id, v FROM kept")
        sql.rows("SELECT * FROM copied")
        self.change(40)
        first = next(at for at, rows in self.seen if at is not None)
        wait_until(lambda: int(sql.value("SELECT mz_now()")) > int(self.seen[-1][0]) + 1500, "more than a second later")
        sql.query("DELETE FROM plain WHERE id = 1; INSERT INTO plain VALUES (1, 1)")
        self.assert_all_there(sql)
        self.assert_all_there(sql, "copied")
        fault = sql.fault(f"SELECT * FROM plain AS OF {first}")
        self.assertIn("is not valid for all inputs: history is kept from", fault.message)
        # An export of a time long gone.
        at, rows = self.seen[len(self.seen) // 2]
        self.assertEqual(sorted(sql.copy_out(f"COPY (SELECT id, v FROM kept AS OF {at}) TO STDOUT").decode().split("\n")[:-1]),
                         sorted("\t".join(row) for row in rows))
        self.assertEqual(sql.rows("SELECT o.name, h.strategy, h.value FROM mz_internal.mz_history_retention_strategies h "
                                  "JOIN mz_objects o USING (id) ORDER BY 1"),
                         [["copied", "FOR", "7200000"], ["kept", "FOR", "3600000"]])
        frontiers = dict((name, (int(since), int(upper))) for name, since, upper in sql.rows(
            "SELECT o.name, f.read_frontier, f.write_frontier FROM mz_internal.mz_frontiers f "
            "JOIN mz_objects o ON o.id = f.object_id"))
        self.assertLessEqual(frontiers["kept"][0], int(first))
        self.assertGreater(frontiers["plain"][0], int(first))
        self.assertTrue(all(since < upper for since, upper in frontiers.values()), frontiers)
        self.assertIn("WITH (RETAIN HISTORY = FOR '1 hour')", sql.rows("SHOW CREATE TABLE kept")[0][1])
        self.assertIn("RETAIN HISTORY = FOR '2h'", sql.rows("SHOW CREATE MATERIALIZED VIEW copied")[0][1])
        for stop in (self.server.kill, self.server.terminate):
            stop()
            self.server.restart()
            with self.server.wire() as again:
                self.assert_all_there(again)
                self.assertIn("WITH (RETAIN HISTORY", again.rows("SHOW CREATE TABLE kept")[0][1])

    def test_it_can_be_changed(self):
        sql = self.sql
        sql.query("CREATE TABLE kept (id int, v int); CREATE TABLE plain (id int, v int)")
        sql.query("ALTER TABLE kept SET (RETAIN HISTORY FOR '1 day')")
        self.change(15)
        time.sleep(1.2)
        self.change(2)
        self.assert_all_there(sql)
        sql.query("ALTER TABLE kept RESET (RETAIN HISTORY)")
        self.assertNotIn("RETAIN", sql.rows("SHOW CREATE TABLE kept")[0][1])
        self.change(2)
        first = next(at for at, rows in self.seen if at is not None)
        self.assertIn("history is kept from", sql.fault(f"SELECT * FROM kept AS OF {first}").message)
        # Undone with its transaction.
        sql.query("BEGIN; ALTER TABLE kept SET (RETAIN HISTORY FOR '1 day'); ROLLBACK")
        self.assertEqual(sql.rows("SELECT * FROM mz_internal.mz_history_retention_strategies"), [])
        self.assertEqual(sql.query("ALTER TABLE IF EXISTS nowhere SET (RETAIN HISTORY FOR '1 day')").tag, "ALTER TABLE")

    def test_what_is_no_time_is_refused(self):
        for text, why in {"soon": "is not an interval", "-1 hour": "is not positive", "0": "is not positive",
                          "2000 years": "is more than a thousand years"}.items():
            fault = self.sql.fault(f"CREATE TABLE never (a int) WITH (RETAIN HISTORY FOR '{text}')")
            self.assertEqual((fault.sqlstate, fault.message), ("22023", f"invalid RETAIN HISTORY: '{text}' {why}"))
            self.assertIn("1 hour", fault.fields["H"])
            self.assertGreater(int(fault.fields["P"]), 40)
        self.assertEqual(self.sql.fault("ALTER TABLE nowhere SET (RETAIN HISTORY FOR '1 day')").sqlstate, "42P01")
        self.sql.query("CREATE VIEW plain_view AS SELECT 1 AS a")
        self.assertEqual(self.sql.fault("ALTER VIEW plain_view SET (RETAIN HISTORY FOR '1 day')").sqlstate, "0A000")


if __name__ == "__main__":
    harness.main()
