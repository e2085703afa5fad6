#!/usr/bin/python3
"""docs/consumers.md: its consumer, on the S3 server's own notifications, loads what was exported
completely, once, and nothing else."""

import csv
import http.server
import io
import json
import queue
import sqlite3
import threading
import urllib.parse
import uuid
import xml.sax.saxutils

import document
import harness
import s3
import wire

BLOCKS = document.blocks("consumers.md")


def documented(kind):
    return [block.text for block in BLOCKS if block.kind == kind]


class Boto:
    """The one call of boto3's client that the document uses."""

    def __init__(self, client):
        self.client = client
        self.page_keys = "1000"

    def list_objects_v2(self, Bucket, Prefix, ContinuationToken=None):
        query = {"list-type": "2", "prefix": Prefix, "max-keys": self.page_keys}
        if ContinuationToken:
            query["continuation-token"] = ContinuationToken
        root = s3.parse(self.client.request("GET", "/" + Bucket, query))
        page = {"IsTruncated": root.findtext("IsTruncated") == "true",
                "NextContinuationToken": root.findtext("NextContinuationToken")}
        contents = [{"Key": item.findtext("Key")} for item in root.iter("Contents")]
        return {**page, "Contents": contents} if contents else page


class Push(http.server.ThreadingHTTPServer):
    """Where the S3 server sends events; each is put aside and answered at once."""

    daemon_threads = True

    def __init__(self):
        self.messages = queue.Queue()
        super().__init__(("127.0.0.1", 0), Push.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.messages.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass


class Consumer(threading.Thread):
    """Runs the document's consume() on every message, with SQLite for a warehouse."""

    def __init__(self, messages, client):
        super().__init__(daemon=True)
        self.messages, self.client = messages, client
        self.code = {}
        exec("\n".join(documented("python")), self.code)  # pylint: disable=exec-used
        self.lock = threading.Lock()
        self.handled, self.loads, self.errors = [], [], []
        # Autocommit, so that only the document's `with` decides what is one transaction.
        self.warehouse = sqlite3.connect(":memory:", check_same_thread=False)
        for text in documented("sql consumer"):
            self.warehouse.executescript(text)
        self.warehouse.execute("CREATE TABLE target (a INTEGER, b TEXT)")
        self.fail_next = False

    def load(self, warehouse, bucket, files):
        for key in files:
            rows = csv.reader(io.StringIO(self.client.get(bucket, key).decode()))
            warehouse.executemany("INSERT INTO target VALUES (?, ?)", list(rows))
        if self.fail_next:
            self.fail_next = False
            raise OSError("the warehouse is down")
        self.loads.append(files)

    def run(self):
        while (message := self.messages.get()) is not None:
            try:
                with self.lock:
                    self.code["consume"](message, Boto(self.client), self.warehouse, self.load)
            except OSError:
                self.messages.put(message)  # as a queue does with what was not deleted
                continue
            except Exception as error:  # pylint: disable=broad-except
                self.errors.append(error)
            self.handled.append(message)

    def keys(self):
        return [record["s3"]["object"]["key"] for message in list(self.handled)
                for record in json.loads(message)["Records"]]

    def count(self):
        with self.lock:
            return self.warehouse.execute("SELECT count(*), count(DISTINCT a) FROM target").fetchone()


def notify(bucket, endpoint):
    """The document's configuration, as radosgw takes it: a topic that pushes to us."""
    (text,) = documented("json")
    values = {"region": "us-east-1", "account-id": "123456789012", "prefix": "watched"}
    (wanted,) = json.loads(document.filled(text, values))["QueueConfigurations"]
    attributes = {"Action": "CreateTopic", "Name": "exports-" + uuid.uuid4().hex[:8],
                  "Attributes.entry.1.key": "push-endpoint", "Attributes.entry.1.value": endpoint}
    body = urllib.parse.urlencode(attributes).encode()
    topic = next(s3.parse(bucket.client.request("POST", "/", body=body)).iter("TopicArn")).text
    rules = "".join(f"<FilterRule><Name>{rule['Name']}</Name><Value>{xml.sax.saxutils.escape(rule['Value'])}</Value></FilterRule>"
                    for rule in wanted["Filter"]["Key"]["FilterRules"])
    events = "".join(f"<Event>{event}</Event>" for event in wanted["Events"])
    bucket.client.request(
        "PUT", "/" + bucket.name, {"notification": ""},
        (f"<NotificationConfiguration><TopicConfiguration><Id>{wanted['Id']}</Id><Topic>{topic}</Topic>{events}"
         f"<Filter><S3Key>{rules}</S3Key></Filter></TopicConfiguration></NotificationConfiguration>").encode())


class Consumers(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A bucket of its own: notifications of an earlier run would have no listener any more.
        cls.bucket = harness.bucket("consumers-" + uuid.uuid4().hex[:8])
        with cls.server.wire() as connection:
            harness.create_connection(connection, cls.bucket)
            connection.query("CREATE TABLE t AS SELECT i AS a, 'row ' || i AS b FROM generate_series(1, 5000) AS g(i)")
            connection.query("CREATE TABLE thousands AS SELECT i FROM generate_series(1, 3000) AS g(i)")
        cls.push = Push()
        cls.addClassCleanup(cls.push.server_close)
        cls.addClassCleanup(cls.push.shutdown)
        notify(cls.bucket, f"http://127.0.0.1:{cls.push.server_port}")

    def setUp(self):
        super().setUp()
        self.clear()
        while not self.push.messages.empty():  # radosgw pushes before it answers a deletion
            self.push.messages.get()
        self.prefix = "watched/" + self.bucket.fresh()
        self.consumer = Consumer(self.push.messages, self.bucket.client)
        self.consumer.start()
        self.addCleanup(self.end_consumer)

    def clear(self):
        """As an export is undone: its sentinel goes last."""
        for key in sorted(self.bucket.list(), key=lambda key: key.endswith("-INCOMPLETE")):
            self.bucket.client.delete(self.bucket.name, key)

    def end_consumer(self):
        self.push.messages.put(None)
        self.consumer.join(30)
        self.consumer.warehouse.close()
        self.assertEqual(self.consumer.errors, [])

    def copy(self, source="t", prefix=None):
        return (f"COPY {source} TO '{self.bucket.url(prefix or self.prefix)}' "
                "WITH (AWS CONNECTION = aws_conn, FORMAT = 'csv', MAX FILE SIZE = '16MB')")

    def wait_for_runs(self, number):
        """Until the ends of so many runs were told. A run's may be told twice: what cleans up a failed
        one deletes its sentinel again to be sure, and radosgw sends an event for that too."""
        mine = lambda: {key for key in self.consumer.keys() if key.startswith(self.prefix)}
        wire.wait_until(lambda: len(mine()) >= number, f"{number} events", 20)
        self.assertEqual(len(mine()), number)

    def repeat(self, message):
        before = len(self.consumer.handled)
        self.push.messages.put(message)
        wire.wait_until(lambda: self.consumer.handled[before:].count(message), "the repeated event", 20)

    def cancelled(self, prefix=None):
        """An export that is stopped when uploads are under way; returns its sentinel."""
        prefix = prefix or self.prefix
        endless = "(SELECT a.i AS a, 'x' AS b FROM thousands a, thousands b, thousands c)"
        self.sql.send("Q", self.copy(endless, prefix).encode() + b"\0")
        wire.wait_until(lambda: self.bucket.client.uploads(self.bucket.name, prefix), "an upload", 60)
        (sentinel,) = self.bucket.list(prefix)
        self.assertRegex(sentinel, r"/mz-t\d+-INCOMPLETE$")
        wire.cancel(self.server.host, self.server.port, self.sql.key)
        with self.assertRaises(wire.Fault) as caught:
            self.sql.until_ready()
        self.assertEqual(caught.exception.sqlstate, "57014")
        wire.wait_until(lambda: not self.bucket.list(prefix), "the end of undoing")
        return sentinel

    def test_a_completed_export_is_loaded_and_a_cancelled_one_is_not(self):
        sentinel = self.cancelled(self.prefix + "/stopped")
        self.assertEqual(self.sql.query(self.copy(prefix=self.prefix + "/whole")).tag, "COPY 5000")
        self.wait_for_runs(2)
        self.assertIn(sentinel, self.consumer.keys())  # so it was told of both
        self.assertEqual(len(self.consumer.loads), 1)
        self.assertEqual(sorted(self.consumer.loads[0]), sorted(self.bucket.list(self.prefix + "/whole")))
        self.assertEqual(self.consumer.count(), (5000, 5000))

    def test_a_failed_export_and_its_rerun_at_the_same_path(self):
        self.cancelled()
        fault = self.sql.fault(self.copy("(SELECT 1 / (a - 4999) AS a, b FROM t)"))
        self.assertEqual(fault.sqlstate, "22012")
        self.assertEqual(self.sql.query(self.copy()).tag, "COPY 5000")
        self.wait_for_runs(3)
        self.assertEqual(len(self.consumer.loads), 1)
        self.assertEqual(self.consumer.count(), (5000, 5000))

    def test_an_event_that_comes_twice_is_loaded_once(self):
        self.sql.query(self.copy())
        self.wait_for_runs(1)
        self.repeat(self.consumer.handled[0])
        self.assertEqual((len(self.consumer.loads), self.consumer.count()), (1, (5000, 5000)))

    def test_a_load_that_fails_is_done_again_from_the_start(self):
        self.consumer.fail_next = True
        self.sql.query(self.copy())
        self.wait_for_runs(1)
        self.assertFalse(self.consumer.fail_next)
        self.assertEqual((len(self.consumer.loads), self.consumer.count()), (1, (5000, 5000)))

    def test_a_late_event_of_a_failed_run_does_not_load_half_of_the_next(self):
        self.cancelled()
        self.wait_for_runs(1)
        # A second run to the same path, seen while it publishes.
        for name in ("mz-t9-INCOMPLETE", "mz-t9-batch-0000-0001.csv"):
            self.bucket.client.put(self.bucket.name, f"{self.prefix}/{name}", b"1,x\n")
        self.repeat(self.consumer.handled[0])
        self.assertEqual(self.consumer.loads, [])

    def test_an_empty_result_is_a_complete_export(self):
        self.sql.query(self.copy("(SELECT * FROM t WHERE false)"))
        self.wait_for_runs(1)
        self.assertEqual((len(self.consumer.loads), self.consumer.count()), (1, (0, 0)))

    def test_what_is_not_below_the_prefix_or_not_a_sentinel_is_no_event(self):
        self.sql.query(self.copy(prefix="elsewhere"))
        self.sql.query(self.copy())
        self.clear()
        self.wait_for_runs(1)
        self.assertEqual([key for key in self.consumer.keys() if not key.endswith("-INCOMPLETE")], [])
        self.assertEqual([key for key in self.consumer.keys() if key.startswith("elsewhere")], [])

    def test_looking_finds_whole_exports_only(self):
        boto = Boto(self.bucket.client)
        boto.page_keys = "2"
        look = lambda: self.consumer.code["complete_exports"](boto, self.bucket.name, self.prefix)
        self.assertEqual(look(), {})
        put = lambda name: self.bucket.client.put(self.bucket.name, f"{self.prefix}/{name}")
        put("mz-t9-INCOMPLETE")
        self.assertEqual(look(), {})
        for i in range(5):
            put(f"mz-t9-batch-0000-000{i}.parquet")
        self.assertEqual(look(), {})
        self.clear()
        self.assertEqual(look(), {})
        self.cancelled()
        self.assertEqual(look(), {})
        self.sql.query(self.copy())
        ((run, files),) = look().items()
        self.assertRegex(run, rf"^{self.prefix}/mz-t\d+$")
        self.assertEqual(files, sorted(self.bucket.list(self.prefix)))

    def test_the_servers_history_names_the_run_that_is_done(self):
        (question,) = documented("sql")
        question = document.filled(question, {"bucket": self.bucket.name, "path": self.prefix})
        self.cancelled()
        self.assertEqual(self.sql.rows(question), [])
        self.sql.query(self.copy())
        ((run, target, rows, files, finished),) = self.sql.rows(question)
        self.assertEqual((target, rows, int(files)), (self.bucket.url(self.prefix), "5000", len(self.bucket.list(self.prefix))))
        self.assertTrue(finished)
        for key in self.bucket.list(self.prefix):
            self.assertTrue(key.startswith(f"{self.prefix}/mz-{run}-batch-"), key)
        states = f"SELECT state, count(*) FROM sluice_internal.export_runs WHERE target = '{target}' GROUP BY state ORDER BY state"
        self.assertEqual(self.sql.rows(states), [["cancelled", "1"], ["done", "1"]])


if __name__ == "__main__":
    harness.main()
