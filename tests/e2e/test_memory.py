"""What the server's process takes of memory: --memory-limit is the whole process's budget.

Each case measures the peak of resident memory (VmHWM, reset before the case) and holds it against the limit and
256 MiB. A case that cannot be done within may fail, but with a clear error, and the server goes on. Uploads go
to tests/sink/sink.cc. SLUICE_LONG_TESTS=1 adds an export of 10 GB, and
one of 30 million rows with half the memory."""

import itertools
import os
import pathlib
import subprocess
import threading
import time
import unittest

import harness

MB = 1 << 20
LIMIT = 1 << 30
ALLOWED = LIMIT + 256 * MB
LONG = bool(os.environ.get("SLUICE_LONG_TESTS"))
ATTEMPTS = 3


class Case(unittest.TestCase):
    memory_limit = LIMIT
    allowed = ALLOWED

    @classmethod
    def setUpClass(cls):
        cls.server = harness.Server("--threads", "2", "--memory-limit", f"{cls.memory_limit // MB}MB")
        cls.addClassCleanup(cls.server.close)
        cls.sink = harness.Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.run_numbers = itertools.count()
        cls.connect(cls.sink, "sink")

    @classmethod
    def connect(cls, sink, name):
        cls.server.psql("-c", f"CREATE SECRET {name}_key AS 'k'", "-c",
                        f"CREATE CONNECTION {name} TO AWS (ENDPOINT = '{sink.url}', REGION = 'us-east-1', "
                        f"ACCESS KEY ID = 'k', SECRET ACCESS KEY = SECRET {name}_key)")

    def setUp(self):
        self.assertIsNone(self.server.process.poll(), self.server.log()[-4000:])
        self.reset()

    def status(self, field):
        for line in pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise AssertionError(field)

    def reset(self):
        pathlib.Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5")

    def copy(self, source, form="parquet", connection="sink", timeout=600):
        """(COPY's answer, its error): one of them is empty."""
        done = self.server.psql("-At", "-c", f"COPY {source} TO 's3://bucket/run{next(self.run_numbers)}' "
                                f"WITH (AWS CONNECTION = {connection}, FORMAT = '{form}', MAX FILE SIZE = '100MB')",
                                check=False, timeout=timeout)
        return done.stdout.strip(), done.stderr.strip()

    def assert_bounded(self, what, error=""):
        """Within the budget, and an error is one that says that there is not enough memory."""
        self.assertIsNone(self.server.process.poll(), f"the server has died: {self.server.log()[-2000:]}")
        peak = self.status("VmHWM")
        print(f"{what}: peak {peak / MB:.0f} MiB{', ' + error.splitlines()[0] if error else ''}", flush=True)
        self.assertLessEqual(peak, self.allowed, what)
        if error:
            self.assertIn("out of memory", error)
        self.assertEqual(self.server.psql("-Atc", "SELECT 1 + 1").stdout.strip(), "2")

    def check_both(self, what, source, may_fail=False):
        for form in ("parquet", "csv"):
            self.reset()
            answer, error = self.copy(source, form)
            if not may_fail:
                self.assertEqual(error, "")
            self.assert_bounded(f"{what}, {form}: {answer}", error)

    def filled(self, table, columns, value_bytes, rows, rows_at_once):
        """A table of texts that hardly compress, loaded in statements that fit."""
        names = [f"c{i}" for i in range(columns)]
        self.server.psql("-c", f"CREATE TABLE {table} (id int, {', '.join(n + ' text' for n in names)})")
        for first in range(0, rows, rows_at_once):
            text = [b"%d" % row + b"".join(b"\t" + os.urandom(value_bytes // 2).hex().encode() for _ in names) + b"\n"
                    for row in range(first, min(rows, first + rows_at_once))]
            self.load(table, b"".join(text))

    def load(self, table, data):
        done = subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", self.server.host, "-p", str(self.server.port), "-U",
                               "materialize", "-d", "materialize", "-c", f"COPY {table} FROM STDIN"], input=data, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    ROWS = ("(SELECT i AS id, md5(i::text) AS a, md5((i * 3)::text) || md5((i * 5)::text) AS b, i * 7919 % 1000003 AS c, "
            "(i % 10000 / 100.0)::numeric(15,2) AS d FROM generate_series(1::bigint, {}::bigint) g(i))")


class Memory(Case):
    def test_a_large_export(self):
        self.check_both("some hundred MB", self.ROWS.format(10_000_000 if LONG else 2_000_000))

    @unittest.skipUnless(LONG, "SLUICE_LONG_TESTS=1")
    def test_an_export_of_ten_gigabytes(self):
        rows = "(SELECT i AS id, repeat(md5(i::text), 16) AS v FROM generate_series(1::bigint, 20000000::bigint) g(i))"
        answer, error = self.copy(rows, "csv", timeout=3000)
        self.assertEqual(error, "")
        self.assert_bounded(f"10 GB of csv: {answer}")

    def test_wide_rows_of_long_texts(self):
        self.filled("texts64", 64, 64 << 10, 96, 4)
        self.check_both("96 rows of 64 texts of 64 KB", "texts64", may_fail=True)

    def test_values_of_a_megabyte(self):
        self.filled("megabytes", 1, MB, 200, 25)
        self.check_both("200 values of 1 MB", "megabytes", may_fail=True)

    def test_values_of_ten_megabytes(self):
        self.filled("ten_megabytes", 1, 10 * MB, 20, 2)
        self.check_both("20 values of 10 MB", "ten_megabytes", may_fail=True)

    def test_computed_texts_end_with_an_error_before_they_end_the_server(self):
        columns = ", ".join(f"repeat(md5((i + {n})::text), 2048) AS c{n}" for n in range(64))
        self.check_both("computed: 5,000 rows of 64 texts of 64 KB",
                        f"(SELECT {columns} FROM generate_series(1, 5000) g(i))", may_fail=True)
        self.check_both("computed: 2,000 values of 10 MB",
                        "(SELECT repeat(md5(i::text), 327680) AS c FROM generate_series(1, 2000) g(i))", may_fail=True)

    def test_ten_exports_at_once(self):
        for form in ("parquet", "csv"):
            self.reset()
            results = [None] * 10

            def run(number, form=form, results=results):
                results[number] = self.copy(self.ROWS.format(5_000_000 if LONG else 500_000), form)

            threads = [threading.Thread(target=run, args=(n,)) for n in range(10)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual([error for _, error in results if error], [])
            self.assert_bounded(f"ten exports at once, {form}")

    def test_a_stalled_store_and_an_unread_portal(self):
        stalled = harness.Sink("--delay", "15")
        self.addCleanup(stalled.close)
        self.connect(stalled, "stalled")
        reader = self.server.wire()
        self.addCleanup(reader.close)
        reader.send("Q", f"SELECT * FROM {self.ROWS.format(20_000_000)} t".encode() + b"\0")  # and nothing is read
        threads = [threading.Thread(target=self.copy, args=(self.ROWS.format(3_000_000), form, "stalled"), daemon=True)
                   for form in ("csv", "parquet", "csv")]
        for thread in threads:
            thread.start()
        time.sleep(10)
        # Others go on meanwhile.
        answer, error = self.copy(self.ROWS.format(200_000))
        self.assertEqual((answer, error), ("COPY 200000", ""))
        self.assert_bounded("three exports to a store that stalls, and a portal that nobody reads")
        self.server.psql("-c", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()", check=False)

    def test_commits_go_on(self):
        self.server.psql("-c", "CREATE TABLE ticks (n bigint)")
        self.commits_a_second(1)
        # A rate of commits is the disk's as much as ours: what an export takes away, it takes each time.
        for _ in range(ATTEMPTS):
            kept = self.rate_kept_beside_an_export()
            if kept >= 0.8:
                break
        self.assertGreaterEqual(kept, 0.8, f"the last of {ATTEMPTS} attempts")

    def rate_kept_beside_an_export(self):
        alone = self.commits_a_second(3)
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.copy(self.ROWS.format(12_000_000), "parquet")))
        thread.start()
        time.sleep(1)
        beside = self.commits_a_second(3)
        self.assertEqual(answers, [], "the export ended before the commits were counted")
        thread.join()
        self.assertEqual(answers, [("COPY 12000000", "")])
        print(f"commits: {alone:.0f}/s alone, {beside:.0f}/s beside an export: {beside / alone:.2f}")
        return beside / alone

    def commits_a_second(self, seconds):
        connection = self.server.wire()
        ended, commits = time.monotonic() + seconds, 0
        while time.monotonic() < ended:
            connection.query(f"INSERT INTO ticks VALUES ({commits})")
            commits += 1
        connection.close()
        return commits / seconds


@unittest.skipUnless(LONG, "SLUICE_LONG_TESTS=1")
class LittleMemory(Case):
    memory_limit = 512 * MB
    allowed = 650 * 1000 * 1000

    def test_thirty_million_stored_rows(self):
        for first in range(1, 30_000_000, 5_000_000):
            rows = f"generate_series({first}::bigint, {first + 4_999_999}::bigint) g(i)"
            self.server.psql("-c", f"{'CREATE TABLE t AS' if first == 1 else 'INSERT INTO t'} SELECT i AS id, (i * 7919 % 1000003)::int AS part,"
                                   "(i % 10000 / 100.0)::numeric(15,2) AS price, date '1992-01-01' + (i * 13 % 2500)::int AS shipped, "
                                   f"CASE WHEN i % 3 = 0 THEN 'A' ELSE 'NONE' END AS flag, md5(i::text) AS comment FROM {rows}", timeout=600)
        print(f"30 million rows, loaded: peak {self.status('VmHWM') / MB:.0f} MiB", flush=True)
        self.check_both("30 million rows", "t")


if __name__ == "__main__":
    unittest.main()
