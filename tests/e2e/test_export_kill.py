#!/usr/bin/python3
"""kill -9 in the middle of an export: after a restart the store is as if the export had never been,
or the export is whole, and the history says which.

The S3 server kills the server at a request: when it has come and is never carried out, when it was
carried out and is not answered, or when it has come and is carried out a little later, as what
travels still arrives. Points in a local folder are moments of time."""

import os
import random
import shutil
import tempfile
import time

import harness
import s3fake
import wire

ROWS = 900_000  # some row groups, so that some threads write files
THREADS = 4
STOPPED = "server stopped while the export was running"


class Killed(harness.ServerTest):
    paths, path = 0, ""
    @classmethod
    def setUpClass(cls):
        cls.fake = s3fake.FakeS3()
        cls.addClassCleanup(cls.fake.close)
        cls.folder = tempfile.mkdtemp(prefix="sluice-e2e-local-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.arguments = ("--threads", str(THREADS), "--local-export-dir", cls.folder)
        super().setUpClass()
        with cls.server.wire() as connection:
            harness.create_connection(connection, cls.fake)
            connection.query("CREATE TABLE t (a int, b int)")
            connection.query(f"INSERT INTO t SELECT n, n * 7 FROM generate_series(1, {ROWS}) AS g(n)")

    def copy(self, connection, format, target=None):
        target = target or self.fake.url(self.path)
        with_connection = "" if target.startswith("file:") else "AWS CONNECTION = aws_conn, "
        return connection.query(f"COPY t TO '{target}' WITH ({with_connection}FORMAT = '{format}', MANIFEST)")

    def run_and_die(self, format, target=None):
        """Whether the server died in it."""
        with self.server.wire() as connection:
            try:
                self.copy(connection, format, target)
            except (ConnectionError, OSError):
                self.server.process.wait(20)
                return True
        return False

    def restart(self):
        self.server.launch()
        self.server.wait_ready()

    def last_run(self):
        with self.server.wire() as connection:
            return connection.rows("SELECT state, coalesce(error, ''), files FROM sluice_internal.export_runs"
                                   " ORDER BY started DESC LIMIT 1")[0]

    def expect_gone_or_whole(self, whole, objects, uploads):
        state = wire.wait_until(lambda: (lambda run: run if run[0] in ("failed", "done") else None)(self.last_run()),
                                "an outcome on record")
        if whole:
            self.assertEqual(state[0], "done")
            self.assertEqual(len([key for key in objects() if "-batch-" in key]), int(state[2]))
            [manifest] = [key for key in objects() if "-batch-" not in key]
            self.assertTrue(manifest.endswith("-manifest.json"), manifest)
        else:
            self.assertEqual(state[0], "failed", state)
            self.assertTrue(state[1].startswith(STOPPED) or "sentinel" in state[1], state)
            wire.wait_until(lambda: not objects() and not uploads(), "an empty store")

    def new_path(self):
        """Requests to it are this run's alone: earlier ones are still being cleaned up after."""
        self.fake.do("reset")
        Killed.paths += 1
        self.path = f"path{self.paths}x"

    def requests(self):
        self.new_path()
        self.fake.do("mark", self.path)
        with self.server.wire() as connection:
            self.copy(connection, "csv")
        return int(self.fake.tell("count"))

    def points(self, requests):
        # How many files there are differs: once more through all of them where there are few.
        for _ in range(1 + 99 // (requests * 6 - 14)):
            yield from self.points_of_a_round(requests)

    def points_of_a_round(self, requests):
        for format in ("csv", "parquet"):
            for request in range(1, requests + 1):
                for how in ("before", "after", "late"):
                    yield format, request, how

    def test_at_every_request(self):
        requests = self.requests()
        self.assertGreaterEqual(requests, 5 + 3 * 3, "files beside each other")
        killed = 0
        for format, request, how in self.points(requests):
            with self.subTest(format=format, request=request, how=how):
                self.new_path()
                self.fake.do("kill", self.server.process.pid, request, how, self.path)
                if not self.run_and_die(format):
                    # How many files there are differs a little from run to run.
                    self.assertGreater(request, requests - 7)
                    continue
                killed += 1
                self.restart()
                at = self.fake.tell("killed")
                sentinels_end = at.startswith("DeleteObject ") and at.endswith("-INCOMPLETE")
                self.expect_gone_or_whole(sentinels_end and how != "before",
                                          self.fake.objects, self.fake.uploads)
        print(f"\nkilled at {killed} points", flush=True)
        self.assertGreaterEqual(killed, 100)
        # The last one's path is as good as new.
        self.fake.do("reset")
        with self.server.wire() as connection:
            self.assertEqual(self.copy(connection, "csv").tag, f"COPY {ROWS}")

    def test_without_the_right_to_list_uploads(self):
        """As the guides' policies have it: what is on record is enough."""
        for request in range(5, self.requests() - 4, 2):
            for how in ("before", "after"):
                with self.subTest(request=request, how=how):
                    self.new_path()
                    self.fake.do("deny", "ListMultipartUploads")
                    self.fake.do("kill", self.server.process.pid, request, how, self.path)
                    self.assertTrue(self.run_and_die("csv"))
                    self.restart()
                    wire.wait_until(lambda: not self.fake.objects(), "no objects")
                    wire.wait_until(lambda: self.last_run()[0] == "failed", "an outcome on record")
                    # An upload that was begun at that very moment was sent no part: nothing of it is
                    # kept, and nothing can be known of it without that right.
                    wire.wait_until(lambda: self.fake.tell("parts") == "0", "no parts")
                    self.assertLessEqual(len(self.fake.uploads()), THREADS)

    def test_local_folders_at_random_moments(self):
        seed = int(os.environ.get("SLUICE_TEST_SEED", "7"))
        moments = random.Random(seed)

        def files():
            return [name for _, _, names in os.walk(self.folder) for name in names]

        begin = time.monotonic()
        with self.server.wire() as connection:
            self.copy(connection, "csv", f"file://{self.folder}/whole")
        seconds = time.monotonic() - begin
        shutil.rmtree(self.folder + "/whole")
        killed = 0
        for round in range(15):
            with self.subTest(seed=seed, round=round):
                delay = moments.uniform(0, seconds)
                target = f"file://{self.folder}/p{round}"
                connection = self.server.wire()
                connection.send("Q", f"COPY t TO '{target}' WITH (FORMAT = 'csv')".encode() + b"\0")
                time.sleep(delay)
                self.server.kill()
                connection.close()
                self.restart()
                killed += 1
                # Without a row it was killed before the run was on record, and has done nothing. What was
                # about to remove its sentinel may have done that or not.
                def outcome():
                    with self.server.wire() as again:
                        states = again.rows("SELECT state FROM sluice_internal.export_runs WHERE target = "
                                            f"'{target}'")
                    return {"": "failed", "done": "done", "failed": "failed"}.get("".join(sum(states, [])))

                if wire.wait_until(outcome, "an outcome") == "failed":
                    wire.wait_until(lambda: not files(), "an empty folder")
                    continue
                self.assertEqual(len(files()), int(self.last_run()[2]))
                shutil.rmtree(f"{self.folder}/p{round}")
        self.assertEqual(killed, 15)


if __name__ == "__main__":
    harness.main()
