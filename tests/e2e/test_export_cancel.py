#!/usr/bin/python3
"""Exports that are stopped at random moments: how long the client waits for its answer, and that
nothing is left. Cancel requests, time limits, lost connections and the server's own end."""

import os
import random
import statistics
import time

import harness
import s3fake
import wire

ROWS = 400_000
CANCELS = int(os.environ.get("SLUICE_TEST_CANCELS", "200"))


class Stopped(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.fake = s3fake.FakeS3()
        cls.addClassCleanup(cls.fake.close)
        super().setUpClass()
        with cls.server.wire() as connection:
            harness.create_connection(connection, cls.fake)
            connection.query("CREATE TABLE t (a int, b text)")
            connection.query("INSERT INTO t SELECT n, md5(n::text) || md5((n + 1)::text) "
                             f"FROM generate_series(1, {ROWS}) AS g(n)")

    def setUp(self):
        super().setUp()
        self.fake.do("reset")
        self.fake.do("hold", "0.02")  # as far away as a store is

    def statement(self, format="csv"):
        return (f"COPY t TO '{self.fake.url('out/p')}' WITH (AWS CONNECTION = aws_conn, "
                f"FORMAT = '{format}', MAX FILE SIZE = '16MB')")

    def begin(self, connection, format):
        connection.send("Q", self.statement(format).encode() + b"\0")

    def seconds_of(self, format):
        begin = time.monotonic()
        self.sql.query(self.statement(format))
        self.fake.do("reset")
        self.fake.do("hold", "0.02")
        return time.monotonic() - begin

    def expect_nothing_left(self):
        begin = time.monotonic()
        wire.wait_until(self.fake.is_empty, "an empty store", 20)
        return time.monotonic() - begin

    def cancel_at(self, moment, format):
        """Seconds until the answer; None: the export was faster."""
        self.begin(self.sql, format)
        time.sleep(moment)
        begin = time.monotonic()
        wire.cancel(self.server.host, self.server.port, self.sql.key)
        try:
            self.sql.until_ready()
        except wire.Fault as fault:
            self.assertEqual(fault.sqlstate, "57014", fault)
            return time.monotonic() - begin
        self.fake.do("reset")
        self.fake.do("hold", "0.02")
        return None

    def time_out_at(self, moment, format):
        """The same by statement_timeout, counted from its end."""
        limit = max(1, int(moment * 1000))
        self.sql.query(f"SET statement_timeout = {limit}")
        try:
            begin = time.monotonic()
            self.sql.query(self.statement(format))
        except wire.Fault as fault:
            self.assertIn("statement timeout", fault.message)
            return time.monotonic() - begin - limit / 1000
        finally:
            self.sql.query("SET statement_timeout = 0")
        self.fake.do("reset")
        self.fake.do("hold", "0.02")
        return None

    def test_cancel_is_answered_at_once_and_leaves_nothing(self):
        seed = int(os.environ.get("SLUICE_TEST_SEED", "11"))
        moments = random.Random(seed)
        lengths = {format: self.seconds_of(format) for format in ("csv", "parquet")}
        waits, cleanings = [], []
        for attempt in range(4 * CANCELS):
            if len(waits) == CANCELS:
                break
            format = moments.choice(["csv", "parquet"])
            stop = moments.choice([self.cancel_at, self.cancel_at, self.cancel_at, self.time_out_at])
            waited = stop(moments.uniform(0, lengths[format]), format)
            if waited is not None:
                waits.append(waited)
                cleanings.append(self.expect_nothing_left())
        print(f"\n{len(waits)} cancels of exports of {lengths}: answered after "
              f"median {statistics.median(waits):.3f} s, max {max(waits):.3f} s; nothing left after "
              f"median {statistics.median(cleanings):.3f} s, max {max(cleanings):.3f} s more", flush=True)
        self.assertEqual(len(waits), CANCELS)
        if "SLUICE_TEST_SLOW" not in os.environ:
            self.assertLess(max(waits), 1.0)
            self.assertLessEqual(statistics.median(waits), 0.3)
        self.assertEqual(self.sql.query(self.statement()).tag, f"COPY {ROWS}")

    def test_a_store_that_hangs_delays_no_answer(self):
        for operation in ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload",
                          "AbortMultipartUpload"):
            with self.subTest(operation=operation):
                self.fake.do("reset")
                self.fake.do("fail", operation, 1, 1000, "Hang")
                if operation == "AbortMultipartUpload":
                    self.fake.do("fail", "UploadPart", 1, 1000, "Hang")
                waited = self.cancel_at(0.7, "csv")
                self.assertIsNotNone(waited)
                self.assertLess(waited, 1.0)
                self.fake.do("clear")
                self.expect_nothing_left()

    def test_a_part_that_arrives_late_is_removed_too(self):
        # S3 keeps, and bills, a part that was on its way when its upload was aborted.
        self.fake.do("hold", "1.5", "UploadPart")
        self.assertLess(self.cancel_at(0.5, "csv"), 1.0)
        wire.wait_until(self.fake.uploads, "the late part", 5)
        self.expect_nothing_left()

    def test_a_lost_connection(self):
        length = self.seconds_of("csv")
        states = "SELECT state FROM sluice_internal.export_runs ORDER BY started DESC LIMIT 1"
        for part in (0.1, 0.3, 0.5):
            before = int(self.sql.value("SELECT count(*) FROM sluice_internal.export_runs"))
            lost = self.server.wire()
            self.begin(lost, "csv")
            wire.wait_until(lambda: int(self.sql.value("SELECT count(*) FROM sluice_internal.export_runs")) > before,
                            "its beginning")
            time.sleep(length * part)
            lost.close()
            wire.wait_until(lambda: self.sql.value(states) in ("cancelled", "done"), "its end", 5)
            self.assertEqual(self.sql.value(states), "cancelled")
            self.expect_nothing_left()

    def test_the_servers_end_at_random_moments(self):
        moments = random.Random(int(os.environ.get("SLUICE_TEST_SEED", "13")))
        length = self.seconds_of("csv")
        for _ in range(10):
            connection = self.server.wire()
            self.begin(connection, "csv")
            time.sleep(moments.uniform(0, length))
            begin = time.monotonic()
            self.server.process.terminate()
            self.server.process.wait(20)
            self.assertLess(time.monotonic() - begin, 3)
            connection.close()
            self.server.launch()
            self.server.wait_ready()
            with self.server.wire() as again:
                runs = again.rows("SELECT state, finished IS NULL FROM sluice_internal.export_runs"
                                  " ORDER BY started DESC LIMIT 1")
            self.assertIn(runs[0][0], ("failed", "cancelled", "done"))
            if runs[0][0] == "done":  # it was faster
                self.assertFalse([key for key in self.fake.objects() if "INCOMPLETE" in key])
                self.fake.do("reset")
                self.fake.do("hold", "0.02")
            else:
                self.expect_nothing_left()

    def test_the_servers_end_beside_a_store_that_hangs(self):
        for operation in ("UploadPart", "CompleteMultipartUpload", "DeleteObject"):
            with self.subTest(operation=operation):
                self.fake.do("reset")
                connection = self.server.wire()
                # The probe is a DeleteObject too.
                self.fake.do("fail", operation, 2 if operation == "DeleteObject" else 1, 1000, "Hang")
                if operation != "DeleteObject":
                    self.fake.do("fail", "AbortMultipartUpload", 1, 1000, "Hang")
                self.begin(connection, "csv")
                time.sleep(1)
                begin = time.monotonic()
                self.server.process.terminate()
                self.server.process.wait(20)
                self.assertLess(time.monotonic() - begin, 10)
                connection.close()
                self.fake.do("clear")
                self.server.launch()
                self.server.wait_ready()
                self.expect_nothing_left()
                with self.server.wire() as again:
                    state = again.value("SELECT state FROM sluice_internal.export_runs ORDER BY started DESC LIMIT 1")
                    self.assertIn(state, ("failed", "cancelled"))


if __name__ == "__main__":
    harness.main()
