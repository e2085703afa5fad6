"""What every end-to-end test stands on: a server of its own, and an S3 server for the whole run.

The environment names the binary (SLUICE_BINARY) and, where ctest has started one, the folder of
the S3 server (SLUICE_TEST_RGW); without it one is started and stopped by the test itself."""

import atexit
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

import s3
import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SLUICE_BINARY", str(ROOT / "build" / "sluice"))
READY = re.compile(r"^sluice ready: sql=(.+):(\d+) http=(.+):(\d+) data=(.*)$")
# Sanitizers make everything slower; limits are there to end a hang, not to measure.
START_SECONDS = 120


class Server:
    """One `sluice serve`. Ended with its test, its data folder too unless it was given."""

    def __init__(self, *arguments, data_dir=None, environment=None, ready=True):
        self.own_dir = data_dir is None
        self.data_dir = data_dir or tempfile.mkdtemp(prefix="sluice-e2e-")
        self.arguments, self.environment = list(arguments), environment or {}
        self.process, self.output = None, []
        self.launch()
        if ready:
            try:
                self.wait_ready()
            except AssertionError:
                self.close()
                raise

    def launch(self):
        command = [BINARY, "serve", "--data-dir", self.data_dir, "--sql-listen", "127.0.0.1:0",
                   "--http-listen", "127.0.0.1:0", *self.arguments]
        if self.process:
            self.reader.join()  # or the end of the last process would be taken for this one's
        self.output = []
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment}, text=True, errors="replace")
        self.ready_line = None
        self.seen = threading.Condition()
        self.reader = threading.Thread(target=self.read_output, args=(self.process,), daemon=True)
        self.reader.start()

    def read_output(self, process):
        for line in process.stdout:
            with self.seen:
                self.output.append(line)
                self.ready_line = self.ready_line or READY.match(line.rstrip("\n"))
                self.seen.notify_all()
        with self.seen:
            self.output.append(None)  # the end
            self.seen.notify_all()

    def wait_ready(self):
        with self.seen:
            self.seen.wait_for(lambda: self.ready_line or None in self.output, START_SECONDS)
        if not self.ready_line:
            self.process.kill()
            raise AssertionError("the server did not get ready; it said:\n" + self.log())
        host, port, http_host, http_port, _ = self.ready_line.groups()
        self.host, self.port, self.http_host, self.http_port = host, int(port), http_host, int(http_port)

    def log(self):
        with self.seen:
            return "".join(line for line in self.output if line)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, seconds=10):
        """SIGTERM; returns the exit code, or fails when it takes longer than it may."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def restart(self):
        if self.process.poll() is None:
            self.terminate()
        self.launch()
        self.wait_ready()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(10)
        self.process.stdout.close()
        if self.own_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    # ---- clients ----
    def wire(self, **options):
        return wire.Wire(self.host, self.port, **options)

    def psql(self, *arguments, sql=None, check=True, timeout=120):
        """Runs psql without a start-up file; returns the finished process."""
        command = ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", self.host, "-p", str(self.port),
                   "-U", "materialize", "-d", "materialize", *arguments]
        environment = {**os.environ, "PGCONNECT_TIMEOUT": "20", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, input=sql, capture_output=True, text=True, env=environment,
                              timeout=timeout, **({} if sql is not None else {"stdin": subprocess.DEVNULL}))
        if check and done.returncode != 0:
            raise AssertionError(f"psql {arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def http(self, method, path, body=None, headers=None):
        import http.client
        connection = http.client.HTTPConnection(self.http_host, self.http_port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode(), dict(response.getheaders())
        finally:
            connection.close()


class Sink:
    """A tests/sink/sink.cc, with its arguments."""

    def __init__(self, *arguments):
        binary = os.environ.get("SLUICE_TEST_SINK", ROOT / "build/release/tests/sink/sink")
        self.process = subprocess.Popen([binary, *arguments], stdout=subprocess.PIPE, text=True)
        self.url, *more = self.process.stdout.readline().removeprefix("sink ready: ").split()
        self.ca_file = more[0] if more else None

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class ServerTest(unittest.TestCase):
    """One server for all tests of a class; `sql` is a fresh connection for each."""

    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.arguments)
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.assertIsNone(self.server.process.poll(), "the server has died:\n" + self.server.log()[-4000:])
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)

    def assert_fault(self, sql, sqlstate=None, message=None, connection=None):
        fault = (connection or self.sql).fault(sql)
        if sqlstate is not None:
            self.assertEqual(fault.sqlstate, sqlstate, fault)
        if message is not None:
            self.assertIn(message, fault.message)
        return fault


class OwnServers(unittest.TestCase):
    """For tests that start, stop and configure servers themselves."""

    def folder(self):
        folder = tempfile.mkdtemp(prefix="sluice-e2e-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def server(self, *arguments, **options):
        server = Server(*arguments, **options)
        self.addCleanup(server.close)
        return server


# ---- the S3 server ---------------------------------------------------------------------------------
RGW = str(ROOT / "tests" / "rgw" / "rgw")


class Bucket:
    """A bucket with a folder of its own for each user, on the run's S3 server."""

    def __init__(self, settings, name):
        self.settings, self.name = settings, name
        self.endpoint, self.region = settings["S3_ENDPOINT"], settings["AWS_REGION"]
        self.key, self.secret = settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"]
        self.client = s3.S3(self.endpoint, self.key, self.secret, self.region)
        self.client.make_bucket(name)

    def list(self, prefix=""):
        return self.client.list(self.name, prefix)

    def fresh(self):
        """A prefix that nobody has used."""
        return "t" + uuid.uuid4().hex[:12]

    def url(self, prefix):
        return f"s3://{self.name}/{prefix}"

    def download(self, prefix):
        """The files below a prefix, in a new folder; the sentinel must not be among them."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-read-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        for key in self.list(prefix):
            assert not key.endswith("-INCOMPLETE"), key
            (folder / key.rsplit("/", 1)[-1]).write_bytes(self.client.get(self.name, key))
        return folder


def start_rgw(folder):
    out = subprocess.run([RGW, "start", "--dir", folder], capture_output=True, text=True)
    if out.returncode != 0:
        raise AssertionError("no S3 server: " + out.stderr)
    return dict(line.removeprefix("export ").split("=", 1) for line in out.stdout.splitlines())


_rgw_folder = None


def rgw_folder():
    """Of the run's S3 server."""
    global _rgw_folder
    if _rgw_folder is None:
        _rgw_folder = os.environ.get("SLUICE_TEST_RGW")
        if not _rgw_folder:
            _rgw_folder = tempfile.mkdtemp(prefix="sluice-rgw-") + "/rgw"
            atexit.register(subprocess.run, [RGW, "stop", "--dir", _rgw_folder])
    return _rgw_folder


@functools.lru_cache(maxsize=None)
def bucket(name="e2e"):
    return Bucket(start_rgw(rgw_folder()), name)


def create_connection(connection, bucket, name="aws_conn"):
    """The guide's two statements, for the run's S3 server."""
    connection.query(f"CREATE SECRET {name}_secret AS '{bucket.secret}'")
    connection.query(
        f"CREATE CONNECTION {name} TO AWS (ACCESS KEY ID = '{bucket.key}', "
        f"SECRET ACCESS KEY = SECRET {name}_secret, ENDPOINT = '{bucket.endpoint}', "
        f"REGION = '{bucket.region}')")


NODE_MODULES = ROOT / "tests" / "node_modules"


def node(script, *arguments, check=True, timeout=300):
    """Runs a script of tests/ and returns what it printed."""
    done = subprocess.run(["node", str(ROOT / "tests" / script), *map(str, arguments)],
                          capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"{script} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main():
    unittest.main(verbosity=2)
