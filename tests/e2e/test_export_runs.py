#!/usr/bin/python3
"""sluice_internal.export_runs, progress notices and metrics; and what is said of a run whose traces
cannot be removed."""

import re
import time

import harness
import s3fake
import wire


class ExportRuns(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.fake = s3fake.FakeS3()
        cls.addClassCleanup(cls.fake.close)
        super().setUpClass()
        with cls.server.wire() as connection:
            harness.create_connection(connection, cls.fake)
            connection.query("CREATE TABLE t (a int)")
            connection.query("INSERT INTO t SELECT * FROM generate_series(1, 1000)")

    def setUp(self):
        super().setUp()
        self.fake.do("reset")

    def copy_text(self, prefix="out/p", connection="aws_conn", format="csv"):
        return (f"COPY t TO '{self.fake.url(prefix)}' WITH (AWS CONNECTION = {connection}, "
                f"FORMAT = '{format}')")

    def last(self, columns):
        return self.sql.rows(f"SELECT {columns} FROM sluice_internal.export_runs ORDER BY started DESC LIMIT 1")[0]

    def test_a_finished_run_stays_also_over_a_restart(self):
        before = self.sql.value("SELECT mz_now()::text")
        self.sql.query(self.copy_text())
        columns = ("statement, target, state, logical_time::text, rows, bytes, files, parts, retries, "
                   "started <= finished, error, connection_id, user_name, format, cleanup")
        row = self.last(columns)
        self.assertEqual(row[0], self.copy_text())
        self.assertEqual(row[1:3], [self.fake.url("out/p"), "done"])
        self.assertGreaterEqual(int(row[3]), int(before))
        self.assertEqual(row[4:9], ["1000", "3893", "1", "1", "0"])
        self.assertEqual(row[9:11], ["t", None])
        self.assertRegex(row[11], r"^u\d+$")
        self.assertEqual(row[12:], ["materialize", "csv", None])
        self.server.kill()
        self.server.launch()
        self.server.wait_ready()
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)
        self.assertEqual(self.last(columns), row)

    def test_a_run_under_way_is_seen_with_its_numbers(self):
        self.fake.do("hold", "0.4")
        with self.server.wire() as other:
            other.send("Q", self.copy_text("out/slow").encode() + b"\0")
            states = set()

            def watch():
                state, finished = self.last("state, finished")
                states.add(state)
                return state == "done" and finished
            wire.wait_until(watch, "the run's end")
            other.until_ready()
        self.assertLessEqual({"probing", "writing", "committing", "done"}, states)

    def test_a_run_that_failed_says_why(self):
        self.sql.query(self.copy_text())
        self.sql.fault(self.copy_text())
        state, error, cleanup = self.last("state, error, cleanup")
        self.assertEqual((state, cleanup), ("failed", None))
        self.assertIn("S3 bucket path is not empty", error)

    def test_retries_are_counted(self):
        self.fake.do("fail", "UploadPart", 1, 2, "SlowDown")
        self.sql.query(self.copy_text())
        self.assertEqual(self.last("state, retries"), ["done", "2"])
        status, page, _ = self.server.http("GET", "/metrics")
        self.assertEqual(status, 200)
        for name in ("sluice_export_retries_total", "sluice_export_parts_total", "sluice_store_requests_total"):
            self.assertGreaterEqual(int(re.search(rf"^{name} (\d+)$", page, re.M)[1]), 1, name)
        for name in ("sluice_export_cleanup_backlog", "sluice_part_bytes_in_flight", "sluice_part_pool_bytes",
                     "sluice_export_cleanup_failures_total", "sluice_store_request_failures_total"):
            self.assertRegex(page, rf"(?m)^{name} \d+$")

    def test_notices_tell_how_far_it_is(self):
        self.fake.do("hold", "0.8")
        self.sql.query("SET copy_progress = on")
        self.sql.query(self.copy_text("out/told"))
        told = [notice["M"] for notice in self.sql.notices]
        self.assertGreaterEqual(len(told), 1)
        self.assertRegex(told[-1], r"^COPY t\d+: \d+ rows, \d+ bytes, \d files after \d+ s$")
        self.sql.notices.clear()
        self.sql.query("SET copy_progress = off")
        self.fake.do("hold", "0.3")
        self.sql.query(self.copy_text("out/untold"))
        self.assertEqual(self.sql.notices, [])

    def test_notices_come_while_it_runs(self):
        self.fake.do("hold", "1")
        self.sql.query("SET copy_progress = on")
        self.sql.send("Q", self.copy_text("out/live").encode() + b"\0")
        begin = time.monotonic()
        kind = self.sql.read_exactly(1)
        self.assertEqual(kind, b"N")
        self.assertLess(time.monotonic() - begin, 4)
        self.sql.socket.close()

    def test_what_cannot_be_removed_is_told_and_removed_as_soon_as_it_can_be(self):
        self.fake.do("fail", "CompleteMultipartUpload", 1, 1000, "Denied")
        self.fake.do("fail", "AbortMultipartUpload", 1, 1000, "Denied")
        fault = self.sql.fault(self.copy_text())
        self.assertIn("Could not be removed yet", fault.fields["D"])
        self.assertIn("sluice_internal.export_runs", fault.fields["D"])
        wire.wait_until(lambda: "AccessDenied" in (self.last("cleanup")[0] or ""), "the reason", 5)
        self.assertEqual(len(self.fake.uploads()), 1)
        self.fake.do("clear")
        wire.wait_until(self.fake.is_empty, "an empty store", 20)
        wire.wait_until(lambda: self.last("cleanup") == [None], "the end of cleaning", 20)
        self.assertEqual(self.last("state")[0], "failed")

    def test_a_connection_that_was_dropped_is_the_reason(self):
        harness.create_connection(self.sql, self.fake, "short_lived")
        self.fake.do("fail", "CompleteMultipartUpload", 1, 1000, "Denied")
        self.fake.do("fail", "AbortMultipartUpload", 1, 1000, "Denied")
        self.sql.fault(self.copy_text(connection="short_lived"))
        self.sql.query("DROP CONNECTION short_lived")
        cleanup = wire.wait_until(
            lambda: (lambda text: text if "was dropped" in text else None)(self.last("cleanup")[0] or ""), "the reason", 10)
        self.assertIn("out/p/mz-t", cleanup)
        self.assertIn("upload/", cleanup)
        self.assertIn("another client", cleanup)

    def test_secrets_are_not_in_the_history(self):
        self.sql.query(self.copy_text())
        texts = " ".join(row[0] for row in self.sql.rows("SELECT statement FROM sluice_internal.export_runs"))
        self.assertNotIn(self.fake.secret, texts)


if __name__ == "__main__":
    harness.main()
