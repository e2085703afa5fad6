#!/usr/bin/python3
"""Starting, stopping and configuring the server."""

import json
import os
import pathlib
import subprocess
import threading

import harness
import wire


def run(*arguments, environment=None, timeout=60):
    return subprocess.run([harness.BINARY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(environment or {})}, timeout=timeout)


class Starting(harness.OwnServers):
    def test_help_and_version(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("serve", done.stdout)
        done = run("serve", "--help")
        for option in ("--data-dir", "--sql-listen", "--http-listen", "--threads", "--memory-limit", "--log-level",
                       "--log-format", "--config", "--local-export-dir", "--insecure-allow-remote"):
            self.assertIn(option, done.stdout)
        self.assertRegex(run("--version").stdout, r"\d+\.\d+")

    def test_wrong_options_are_told(self):
        for arguments in (["serve"], ["serve", "--nosuch"], ["serve", "--data-dir", "/nonexistent", "--threads", "many"],
                          ["serve", "--data-dir", "/nonexistent", "--sql-listen", "nowhere"], ["nosuch"]):
            with self.subTest(arguments):
                done = run(*arguments)
                self.assertNotEqual(done.returncode, 0)
                self.assertTrue(done.stderr.strip())

    def test_the_ready_line_tells_the_ports(self):
        server = self.server()
        self.assertGreater(server.port, 0)
        self.assertNotEqual(server.port, server.http_port)
        self.assertEqual(os.path.realpath(server.ready_line[5]), os.path.realpath(server.data_dir))

    def test_a_second_server_on_a_data_folder_is_refused(self):
        first = self.server()
        done = run("serve", "--data-dir", first.data_dir, "--sql-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(first.data_dir, done.stderr)
        self.assertEqual(first.wire().value("SELECT 1"), "1")

    def test_sigterm_ends_within_ten_seconds_whatever_runs(self):
        exports = self.folder()
        server = self.server("--local-export-dir", exports)
        idle = server.wire()
        idle.query("CREATE TABLE t (x int)")
        idle.query("CREATE TABLE loaded (x int)")
        idle.query("BEGIN")
        idle.query("INSERT INTO t VALUES (1)")
        rows = "FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b"
        faults = {}

        def run(name, work):
            def until_it_ends():
                try:
                    work(server.wire())
                except (wire.Fault, OSError) as fault:  # also a connection that ends without a word
                    faults[name] = fault
            thread = threading.Thread(target=until_it_ends, daemon=True)
            thread.start()
            return thread

        def load(connection):
            connection.send("Q", b"COPY loaded FROM STDIN\0")
            while True:
                connection.send("d", b"1\n" * 1000)

        work = {
            "query": lambda connection: connection.query(f"SELECT count(*) {rows}"),
            "export": lambda connection: connection.query(
                f"COPY (SELECT repeat('x', 1000) {rows}) TO 'file://{exports}/x' WITH (FORMAT = 'csv')"),
            "load": load,
        }
        threads = [run(*one) for one in work.items()]
        unread = server.wire()  # takes nothing of what it is sent
        unread.send("Q", f"SELECT repeat('x', 1000) {rows}\0".encode())

        def metric(name):
            for line in server.http("GET", "/metrics")[1].splitlines():
                if line.startswith(name + " "):
                    return int(line.split()[1])
            return 0

        wire.wait_until(lambda: metric("sluice_exports_running") == 1 and metric("sluice_statements_total") >= 8,
                        "all four to run")
        self.assertEqual(faults, {})
        self.assertEqual(server.terminate(10), 0, server.log()[-3000:])
        for thread in threads:
            thread.join(10)
        self.assertEqual(sorted(faults), sorted(work))
        server.restart()
        self.assertEqual(server.wire().value("SELECT count(*) FROM t"), "0")
        self.assertEqual(server.wire().value("SELECT count(*) FROM loaded"), "0")
        self.assertEqual([name for _, _, names in os.walk(exports) for name in names], [])

    def test_sigterm_ends_it_before_it_is_ready(self):
        first = self.server(data_dir=self.folder())
        first.wire().query("CREATE TABLE t AS SELECT 7 AS x")
        first.process.kill()
        first.process.wait()
        # It is still reading in what is there: nobody writes into the pipe that stands for the log.
        log = next(pathlib.Path(first.data_dir, "log").iterdir())
        kept = log.with_suffix(".kept")
        log.rename(kept)
        os.mkfifo(log)
        with subprocess.Popen([harness.BINARY, "serve", "--data-dir", first.data_dir, "--sql-listen", "127.0.0.1:0",
                               "--http-listen", "127.0.0.1:0"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
            with self.assertRaises(subprocess.TimeoutExpired):
                server.wait(1)
            server.terminate()
            out, _ = server.communicate(timeout=10)
        self.assertEqual(server.returncode, 0)
        self.assertNotIn("sluice ready", out)
        self.assertIn("stopped before it was ready", out)
        kept.replace(log)
        self.assertEqual(self.server(data_dir=first.data_dir).wire().value("SELECT x FROM t"), "7")

    def test_settings_come_from_environment_and_file(self):
        folder = self.folder()
        config = pathlib.Path(folder, "sluice.toml")
        config.write_text('log-format = "json"\nthreads = 1\n')
        server = self.server("--config", str(config), environment={"SLUICE_LOG_LEVEL": "debug"})
        lines = [line for line in server.log().splitlines() if not harness.READY.match(line)]
        self.assertTrue(lines, "no log at level debug")
        for line in lines:
            self.assertIsInstance(json.loads(line), dict)

    def test_a_wrong_config_file_is_told(self):
        config = pathlib.Path(self.folder(), "sluice.toml")
        config.write_text("nosuch = 1\n")
        done = run("serve", "--data-dir", self.folder(), "--config", str(config))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nosuch", done.stderr)

    def test_other_addresses_than_loopback_need_a_word(self):
        arguments = ["serve", "--data-dir", self.folder(), "--sql-listen", "0.0.0.0:0", "--http-listen", "127.0.0.1:0"]
        done = run(*arguments)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--insecure-allow-remote", done.stderr)

    def test_a_taken_port_is_told(self):
        first = self.server()
        done = run("serve", "--data-dir", self.folder(), "--sql-listen", f"127.0.0.1:{first.port}", "--http-listen",
                   "127.0.0.1:0")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(first.port), done.stderr)

    def test_memory_has_a_limit(self):
        server = self.server("--memory-limit", "512MB")
        connection = server.wire()
        fault = connection.fault("SELECT array_agg(repeat(i::text, 1000)) FROM generate_series(1, 3000000) AS g(i)")
        self.assertEqual(fault.sqlstate, "53200", fault)
        self.assertEqual(connection.value("SELECT 1"), "1")


if __name__ == "__main__":
    harness.main()
