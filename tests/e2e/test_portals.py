#!/usr/bin/python3
"""What portals and transactions owe each other: nothing acknowledged is lost, nothing is told twice."""

import pathlib
import shutil
import tempfile

import harness
import wire
from test_protocol import SYNC, FLUSH, bind, execute, parse


class Portals(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.exports = pathlib.Path(tempfile.mkdtemp(prefix="sluice-export-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.exports, ignore_errors=True)
        cls.arguments = ("--local-export-dir", str(cls.exports))
        super().setUpClass()

    def exchange(self, *messages):
        self.sql.socket.sendall(b"".join(messages))
        return self.sql.receive_all()

    def fault_in(self, messages):
        (fault,) = [wire.Fault(wire.fields_of(m.body)) for m in messages if m.type == "E"]
        return fault

    def fresh(self, name):
        self.sql.query(f"CREATE TABLE {name} (x int)")

    def rows(self, name):
        return [int(x) for (x,) in self.server.wire().rows(f"SELECT x FROM {name} ORDER BY x")]

    def test_a_second_rollback_is_an_error_and_no_crash(self):
        answers = self.exchange(parse("r", "ROLLBACK"), bind("a", "r"), bind("b", "r"),
                                execute("a"), execute("b"), SYNC)
        self.assertEqual(self.fault_in(answers).sqlstate, "34000")
        self.assertEqual(self.sql.value("SELECT 1"), "1")

    def test_a_portal_of_an_ended_transaction_writes_nothing(self):
        self.fresh("ended")
        self.sql.query("BEGIN")
        self.exchange(parse("i", "INSERT INTO ended VALUES (1)"), bind("p", "i"), SYNC)
        self.sql.query("COMMIT; BEGIN")
        answers = self.exchange(execute("p"), SYNC)
        self.assertEqual(self.fault_in(answers).sqlstate, "34000")
        self.sql.query("ROLLBACK")
        self.assertEqual(self.rows("ended"), [])

    def test_an_insert_behind_a_rollback_in_a_pipeline_is_not_told_as_done(self):
        self.fresh("behind")
        answers = self.exchange(parse("i", "INSERT INTO behind VALUES (1)"), bind("i", "i"),
                                parse("r", "ROLLBACK"), bind("r", "r"), execute("r"), execute("i"), SYNC)
        self.assertEqual(self.fault_in(answers).sqlstate, "34000")
        self.assertEqual(self.rows("behind"), [])

    def test_a_row_that_another_took_is_not_told_as_taken(self):
        self.sql.query("CREATE TABLE jobs (id int, owner text)")
        self.sql.query("INSERT INTO jobs VALUES (1, NULL)")
        self.sql.socket.sendall(parse("", "UPDATE jobs SET owner = 'a' WHERE id = 1 AND owner IS NULL") +
                                bind("", "") + execute("") + FLUSH)
        while self.sql.receive().type != "C":
            pass
        with self.server.wire() as other:
            self.assertEqual(other.query("UPDATE jobs SET owner = 'b' WHERE owner IS NULL").tag, "UPDATE 1")
        answers = self.exchange(SYNC)
        self.assertEqual(self.fault_in(answers).sqlstate, "40001")
        self.assertEqual(self.sql.value("SELECT owner FROM jobs"), "b")

    def test_a_conflict_that_changes_nothing_told_is_run_again(self):
        self.sql.query("CREATE TABLE counter (n int)")
        self.sql.query("INSERT INTO counter VALUES (0)")
        self.sql.socket.sendall(parse("", "UPDATE counter SET n = n + 1") + bind("", "") + execute("") + FLUSH)
        while self.sql.receive().type != "C":
            pass
        with self.server.wire() as other:
            other.query("UPDATE counter SET n = n + 1")
        self.assertEqual([m.type for m in self.exchange(SYNC)], [])
        self.assertEqual(self.sql.value("SELECT n FROM counter"), "2")

    def test_commit_without_begin_commits_what_came_before_it(self):
        self.fresh("early")
        self.sql.fault("INSERT INTO early VALUES (3); COMMIT; SELECT 1 / 0")
        self.assertEqual(self.rows("early"), [3])

    def test_begin_takes_what_came_before_it_into_the_block(self):
        self.fresh("taken")
        self.sql.query("INSERT INTO taken VALUES (1); BEGIN; INSERT INTO taken VALUES (2)")
        self.assertEqual(self.sql.status, "T")
        self.sql.query("ROLLBACK")
        self.assertEqual(self.rows("taken"), [])

    def test_rows_that_are_not_committed_are_not_exported(self):
        self.fresh("unsure")
        self.sql.query("BEGIN; INSERT INTO unsure VALUES (666)")
        fault = self.sql.fault(f"COPY unsure TO 'file://{self.exports}/unsure' WITH (FORMAT = 'csv')")
        self.assertEqual(fault.sqlstate, "25001")
        self.sql.query("ROLLBACK")
        self.assertFalse((self.exports / "unsure").exists())

    def test_a_changed_view_is_not_sent_under_the_old_description(self):
        self.sql.query("CREATE VIEW changing AS SELECT 1 AS a")
        self.exchange(parse("v", "SELECT * FROM changing"), SYNC)
        self.sql.query("CREATE OR REPLACE VIEW changing AS SELECT 'x'::text AS a, 2 AS b")
        self.assertEqual(self.fault_in(self.exchange(bind("", "v"), execute(""), SYNC)).sqlstate, "0A000")

    def test_many_rows_in_a_block_are_loaded_beside_it(self):
        self.fresh("many")
        self.sql.query("BEGIN")
        self.sql.query("INSERT INTO many SELECT g FROM generate_series(1, 120000) AS g")
        self.assertEqual(self.sql.fault("SELECT count(*) FROM many").sqlstate, "55000")
        self.sql.query("ROLLBACK")
        self.sql.query("BEGIN; INSERT INTO many SELECT g FROM generate_series(1, 120000) AS g; COMMIT")
        self.assertEqual(self.sql.value("SELECT count(*) || ',' || sum(x) FROM many"), "120000,7200060000")

    def test_a_time_zone_that_is_none_is_refused_at_once(self):
        fault = self.sql.fault("SET TimeZone = 'Mars/Olympus'")
        self.assertEqual(fault.sqlstate, "22023")
        self.assertEqual(self.sql.value("SELECT 1"), "1")
        with self.assertRaises(wire.Fault) as caught:
            self.server.wire(TimeZone="Mars/Olympus")
        self.assertEqual(caught.exception.sqlstate, "22023")


if __name__ == "__main__":
    harness.main()
