#!/usr/bin/python3
"""The main job from begin to end: load three million flights, look at them, export them to S3 as
Parquet and CSV, read the files back with readers that are not ours, and compare. Then the same with a
materialized view that stays up to date while flights stream in, exported twice meanwhile."""

import argparse
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import s3  # noqa: E402

COUNT = 3_000_000


class Failed(Exception):
    pass


class Steps:
    """Says what is done and how long it took."""

    def __init__(self):
        self.began = time.monotonic()

    def __call__(self, text):
        return Step(text)


class Step:
    def __init__(self, text):
        self.text, self.note = text, ""

    def __enter__(self):
        self.began = time.monotonic()
        print(f"\n== {self.text}", flush=True)
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.seconds = time.monotonic() - self.began
            print(f"   {self.seconds:.2f} s{self.note}", flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--stay", action="store_true", help="leave everything running until Ctrl-C")
    own = parser.add_argument_group("your own S3 instead of one started here")
    own.add_argument("--bucket", help="a bucket that is there")
    own.add_argument("--endpoint", help="URL of the service; without it AWS's own of the region")
    own.add_argument("--key", default=os.environ.get("AWS_ACCESS_KEY_ID"), help="default: $AWS_ACCESS_KEY_ID")
    own.add_argument("--secret", default=os.environ.get("AWS_SECRET_ACCESS_KEY"), help="default: $AWS_SECRET_ACCESS_KEY")
    own.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"), help="default: $AWS_REGION or us-east-1")
    own.add_argument("--prefix", help="path in the bucket that is empty (default: sluice-demo-TIME)")
    given = parser.parse_args()
    if given.endpoint and not given.bucket:
        parser.error("--endpoint needs --bucket")
    if given.bucket and not (given.key and given.secret):
        parser.error("--bucket needs --key and --secret")
    return given


class Store:
    """Where the exports go: the user's S3, or a radosgw that lives as long as the demo."""

    def __init__(self, given, folder):
        self.folder = None
        if given.bucket:
            self.endpoint, self.region, self.bucket = given.endpoint, given.region, given.bucket
            self.key, self.secret = given.key, given.secret
        else:
            self.folder = folder
            settings = harness.start_rgw(folder)
            self.endpoint, self.region, self.bucket = settings["S3_ENDPOINT"], settings["AWS_REGION"], "lake"
            self.key, self.secret = settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"]
        url = self.endpoint or f"https://s3.{self.region}.amazonaws.com"
        self.client = s3.S3(url, self.key, self.secret, self.region)
        if not given.bucket:
            self.client.make_bucket(self.bucket)
        self.prefix = given.prefix or time.strftime("sluice-demo-%Y%m%d-%H%M%S")

    def close(self):
        if self.folder:
            subprocess.run([harness.RGW, "stop", "--dir", self.folder], check=False)


# What is exported: its name, what COPY reads, what the check reads, and the check, which Sluice and
# DuckDB understand alike. CSV holds texts, so the check gives every value its type.
EXPORTS = [
    ("flights", "flights", "flights",
     "SELECT count(*), sum(delay::bigint), sum(distance::bigint), count(DISTINCT origin), count(DISTINCT destination), "
     "min(flown::timestamp)::text, max(flown::timestamp)::text FROM {}", ["delay", "distance"]),
    ("airports", "airports", "airports",
     "SELECT count(*), sum(departures::bigint), sum(minutes_late::bigint), sum(farthest::bigint), max(airport) FROM {}",
     ["departures", "minutes_late", "farthest"]),
    ("late_routes",
     "(SELECT origin, destination, count(*) AS flights, sum(delay) AS minutes FROM flights WHERE delay > 60 GROUP BY origin, destination)",
     "(SELECT origin, destination, count(*) AS flights, sum(delay) AS minutes FROM flights WHERE delay > 60 GROUP BY origin, destination) AS q",
     "SELECT count(*), sum(flights::bigint), sum(minutes::bigint), count(DISTINCT origin), max(destination) FROM {}",
     ["flights", "minutes"]),
]


def run_psql(server, *statements, quiet=()):
    """Runs statements one after the other as a person would; prints them and their answers."""
    for statement in statements:
        shown = statement
        for text in quiet:
            shown = shown.replace(text, "********")
        end = "" if shown.startswith("\\") else ";"
        print("   materialize=> " + "\n      ".join(line.strip() for line in shown.splitlines()) + end)
        done = server.psql("-c", statement, check=False, timeout=1200)
        if done.returncode != 0:
            raise Failed(done.stderr)
        print("   " + done.stdout.rstrip().replace("\n", "\n   "), flush=True)


def load(server):
    """psql's \\copy from a pipe, into which another process writes."""
    writer = subprocess.Popen(["node", str(harness.ROOT / "tests" / "demo" / "flights.mjs")], stdout=subprocess.PIPE)
    command = ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-h", server.host, "-p", str(server.port), "-U", "materialize",
               "-d", "materialize", "-c", r"\copy flights FROM pstdin CSV"]
    print("   flights.mjs | psql -c '" + command[-1] + "'", flush=True)
    done = subprocess.run(command, stdin=writer.stdout, capture_output=True, text=True, timeout=1800)
    writer.stdout.close()
    if writer.wait() != 0 or done.returncode != 0:
        raise Failed("loading failed: " + done.stderr)
    print("   " + done.stdout.strip())


def normal(row):
    """Numbers without needless zeros, so that 5, 5.0 and '5' are one."""
    def one(value):
        try:
            number = float(value)
        except (TypeError, ValueError):
            return value
        return int(number) if number == int(number) else number
    return [one(value) for value in row]


def compare(server, store, folder, name, form, relation, check, columns):
    """The exported files against the query's own answer; returns whether they are equal."""
    prefix = f"{store.prefix}/{name}-{form}/"
    began = time.monotonic()
    target = pathlib.Path(folder, f"{name}-{form}")
    target.mkdir()
    for key in store.client.list(store.bucket, prefix):
        (target / key.rsplit("/", 1)[-1]).write_bytes(store.client.get(store.bucket, key))
    with server.wire() as connection:
        wanted = normal(connection.rows(check.format(relation))[0])
        sums = normal(connection.rows("SELECT count(*), " + ", ".join(f"sum({c})" for c in columns) + f" FROM {relation}")[0])
    answers = {"@duckdb/node-api": (wanted, normal(json.loads(
        harness.node("readers/read.mjs", "duckdb", target, form, check.format("data"), timeout=600))[0]))}
    if form == "parquet":
        read = json.loads(harness.node("readers/read.mjs", "hyparquet-sums", target, timeout=600))
        answers["hyparquet"] = (sums, normal([read["count"], *(read["sums"][c] for c in columns)]))
    equal = True
    for reader, (mine, theirs) in answers.items():
        same = mine == theirs
        equal = equal and same
        print(f"   {name} {form}, {reader}: {'equal' if same else 'DIFFERENT'}: {theirs} ({time.monotonic() - began:.1f} s)" + ("" if same else f"\n      the query says {mine}"))
    return equal


class Stream:
    """A client whose flights come in, a few at a time; after each commit it looks whether the view has them."""

    def __init__(self, server):
        self.server, self.stop, self.fault, self.seconds, self.flights = server, threading.Event(), None, [], 0
        self.thread = threading.Thread(target=self.work)

    def work(self):
        try:
            with self.server.wire() as connection:
                airports = [row[0] for row in connection.rows("SELECT airport FROM departures")]
                while not self.stop.is_set():
                    airport, count = random.choice(airports), random.randrange(1, 10)
                    asked = f"SELECT flights FROM departures WHERE airport = '{airport}'"
                    before = int(connection.value(asked))
                    began = time.monotonic()
                    connection.query("INSERT INTO flights VALUES " + ", ".join(
                        [f"(now()::timestamp, {random.randrange(-20, 200)}, 500, '{airport}', 'SFO')"] * count))
                    self.seconds.append(time.monotonic() - began)
                    if int(connection.value(asked)) != before + count:
                        raise Failed(f"{count} flights from {airport} are not in the view")
                    self.flights += count
        except Exception as fault:  # told by close(): a thread has nobody to tell
            self.fault = fault

    def wait_for(self, commits):
        wanted = len(self.seconds) + commits
        while len(self.seconds) < wanted and not self.fault:
            self.stop.wait(0.01)

    def close(self):
        self.stop.set()
        self.thread.join()
        if self.fault:
            raise Failed(f"the stream of flights: {self.fault}")


def live(server, store, folder, step):
    """Exports a view twice while flights stream in; returns whether the files are right."""
    with step("Make a view that stays up to date"):
        run_psql(server, "CREATE MATERIALIZED VIEW departures AS SELECT origin AS airport, count(*) AS flights, "
                 "sum(delay) AS minutes_late FROM flights GROUP BY origin",
                 "SELECT * FROM departures ORDER BY flights DESC LIMIT 5")
    stream = Stream(server)
    with step("Flights stream in; meanwhile export the view twice") as streaming:
        stream.thread.start()
        try:
            for number in (1, 2):
                stream.wait_for(100)
                run_psql(server, f"COPY departures\nTO 's3://{store.bucket}/{store.prefix}/departures-{number}'\n"
                                 "WITH (AWS CONNECTION = aws_connection, FORMAT = 'parquet')")
            stream.wait_for(100)
        finally:
            stream.close()
        streaming.note = (f", {stream.flights} flights in {len(stream.seconds)} commits, each at once in the view; "
                          f"median of a commit {statistics.median(stream.seconds) * 1000:.1f} ms")
    equal = True
    with step("Each export is the view at its time, and the query's answer then"):
        run_psql(server, "EXPLAIN MATERIALIZED VIEW departures")
        check = "SELECT count(*), sum(flights::bigint), sum(minutes_late::bigint), max(airport) FROM {}"
        with server.wire() as connection:
            times = [row[0] for row in connection.rows(
                "SELECT logical_time FROM sluice_internal.export_runs WHERE target LIKE '%/departures-%' ORDER BY started")]
            for number, at in enumerate(times, 1):
                target = pathlib.Path(folder, f"departures-{number}")
                target.mkdir()
                for key in store.client.list(store.bucket, f"{store.prefix}/departures-{number}/"):
                    (target / key.rsplit("/", 1)[-1]).write_bytes(store.client.get(store.bucket, key))
                theirs = normal(json.loads(harness.node(
                    "readers/read.mjs", "duckdb", target, "parquet", check.format("data"), timeout=600))[0])
                query = ("(SELECT origin AS airport, count(*) AS flights, sum(delay) AS minutes_late FROM flights "
                         "GROUP BY origin) AS q")
                mine = [normal(connection.rows(check.format(source) + f" AS OF {at}")[0])
                        for source in ("departures", query)]
                same = mine == [theirs, theirs]
                equal = equal and same
                print(f"   export {number}, as of {at}: {'equal' if same else 'DIFFERENT'}: {theirs}"
                      + ("" if same else f"\n      the view and the query say {mine}"))
    return equal


def demo(given, server, store, folder):
    step = Steps()
    psql = f"psql -h {server.host} -p {server.port} -U materialize materialize"
    with step("Make a table and load three million flights through a client") as loading:
        run_psql(server, "CREATE TABLE flights (flown timestamp, delay bigint, distance bigint, origin text, destination text)")
        load(server)
        loading.note = f", {COUNT / (time.monotonic() - loading.began):,.0f} rows/s"
    with step("Look at them, and make views"):
        run_psql(server, "SELECT count(*), min(flown), max(flown), sum(distance) FROM flights",
                 "CREATE VIEW airports AS SELECT origin AS airport, count(*) AS departures, sum(delay) AS minutes_late, "
                 "max(distance) AS farthest FROM flights GROUP BY origin",
                 "SELECT * FROM airports ORDER BY departures DESC LIMIT 5", r"\d")
    with step("Tell Sluice about the bucket"):
        endpoint = f", ENDPOINT = '{store.endpoint}'" if store.endpoint else ""
        run_psql(server, f"CREATE SECRET aws_secret AS '{store.secret}'",
                 f"CREATE CONNECTION aws_connection TO AWS (ACCESS KEY ID = '{store.key}', SECRET ACCESS KEY = SECRET aws_secret"
                 f"{endpoint}, REGION = '{store.region}')",
                 "SHOW CREATE CONNECTION aws_connection", quiet=[store.secret])
    for name, source, _, _, _ in EXPORTS:
        for form in ("parquet", "csv"):
            with step(f"Export {name} as {form}"):
                header = ", HEADER = true" if form == "csv" else ""
                run_psql(server, f"COPY {source}\nTO 's3://{store.bucket}/{store.prefix}/{name}-{form}'\n"
                                 f"WITH (AWS CONNECTION = aws_connection, FORMAT = '{form}'{header})")
    with step("List the objects"):
        listed = store.client.list(store.bucket, store.prefix + "/")
        for key, size in listed.items():
            print(f"   {size:>13,}  s3://{store.bucket}/{key}")
        if any(key.endswith("-INCOMPLETE") for key in listed):
            raise Failed("a sentinel is left")
    equal = True
    with step("Read them back with readers that are not ours, and compare"):
        for name, _, relation, check, columns in EXPORTS:
            for form in ("parquet", "csv"):
                equal = compare(server, store, folder, name, form, relation, check, columns) and equal
    equal = live(server, store, folder, step) and equal
    print(f"\nAll in {time.monotonic() - step.began:.1f} s. " + ("Everything is equal." if equal else "NOT everything is equal."))
    if given.stay and equal:
        print(f"\nGo on with:\n   {psql}\nand the connection aws_connection to s3://{store.bucket}/…"
              f"\nHTTP: http://{server.http_host}:{server.http_port}/health\nCtrl-C ends it.", flush=True)
        try:
            while True:
                signal.pause()
        except KeyboardInterrupt:
            print()
    else:
        print(f"With --stay the server goes on running, for:\n   {psql}")
    return equal


def main():
    given = arguments()
    folder = tempfile.mkdtemp(prefix="sluice-demo-")
    server = store = None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through `finally`, which cleans up
    try:
        steps = Steps()
        with steps("Start an S3 server (radosgw)" if not given.bucket else f"Use the bucket {given.bucket}"):
            store = Store(given, folder + "/rgw")
            print(f"   {store.endpoint or 'AWS'}")
        with steps("Start sluice"):
            # Old times stay readable, to compare the exports with.
            options = ["--retain-history-ms", "600000"]
            server = harness.Server(*options, data_dir=folder + "/data")
            print("   " + shlex.join([os.path.relpath(harness.BINARY, harness.ROOT), "serve", "--data-dir", server.data_dir,
                                      *options]))
        files = folder + "/files"
        os.mkdir(files)
        return 0 if demo(given, server, store, files) else 1
    except KeyboardInterrupt:
        return 130
    except (Failed, AssertionError, s3.S3Error, OSError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        if server:
            print("The server said:\n" + server.log()[-4000:], file=sys.stderr)
        return 1
    finally:
        if server:
            server.close()
        if store:
            store.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
