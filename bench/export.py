#!/usr/bin/python3
"""How fast exports are: rows and bytes a second of whole runs, uploads included, against DuckDB's own COPY of
the same rows to a file in memory, in one run of the benchmark.

usage: export.py [--large] [--rows N] [--tables lineitem,nested,wide] [--rounds N] [--threads N]
                 [--folder /dev/shm] [--no-rgw] [--only csv|parquet] [--compressed] [--tls] [--peers] [--scaling]

Uploads go to tests/sink/sink.cc, which forgets what it reads, in a process of its own; and to a radosgw where
one can be started, for information only, since there its disk is measured. --large takes 30 million rows of
lineitem instead of 6. Every figure is a process of its own (bench/export/export_job.cc), all are interleaved,
and of the rounds the one with the best wall time is shown. On a busy machine trust the processor seconds.

--compressed  csv with zstd and gzip too (gzip against DuckDB's plain csv: its own gzip takes minutes)
--tls         csv over TLS, with a CRC-32C of each part
--peers       DuckDB 1.5 (npm), PostgreSQL 15's COPY TO STDOUT, and a file of DuckDB's that rclone uploads, each
              where it is installed; npm's is fetched into build/bench-peers
--scaling     1 and 30 million rows, 1 to 8 exports at once, and the peak of memory with 512 MB, for csv"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from peers import postgres

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness
import s3
JOB = ROOT / "build" / "release" / "bench" / "export_job"
RGW = ROOT / "tests" / "rgw" / "rgw"
FORMATS = (("parquet", "snappy"), ("parquet", "zstd"), ("csv", ""))
# Of lineitem; csv of the others is to be twice as fast.
TARGETS = {"parquet snappy": 1.7, "parquet zstd": 1.4, "csv": 2.5}
OTHER_TARGETS = {"parquet snappy": 1.2, "parquet zstd": 1.2, "csv": 2.0}
PEERS = ROOT / "build" / "bench-peers"
DUCKDB_PEER = "@duckdb/node-api@1.5.6-r.1"
SINK_KEYS = {"AWS_ACCESS_KEY_ID": "sink", "AWS_SECRET_ACCESS_KEY": "sink", "AWS_REGION": "us-east-1"}


def run_job(*arguments, environment=None):
    done = subprocess.run([JOB, *map(str, arguments)], capture_output=True, text=True,
                          env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return json.loads(done.stdout) if done.stdout else None


@contextlib.contextmanager
def sink_environment(*arguments):
    """A sink, as the settings of jobs that upload to it."""
    with contextlib.closing(harness.Sink(*arguments)) as sink:
        yield {**SINK_KEYS, "S3_ENDPOINT": sink.url, **({"S3_CA_FILE": sink.ca_file} if sink.ca_file else {})}


class Rgw:
    """A radosgw with an own folder; None in `environment` where none can be started."""

    def __init__(self, folder, wanted):
        self.folder, self.environment, self.bucket = folder, None, "bench"
        if not wanted:
            return
        out = subprocess.run([RGW, "start", "--dir", folder], capture_output=True, text=True)
        if out.returncode != 0:
            print("no radosgw, so no figures for it:", out.stderr.strip().splitlines()[-1:])
            return
        settings = dict(line.removeprefix("export ").split("=", 1) for line in out.stdout.splitlines())
        self.environment = settings
        self.client = s3.S3(settings["S3_ENDPOINT"], settings["AWS_ACCESS_KEY_ID"],
                            settings["AWS_SECRET_ACCESS_KEY"], settings["AWS_REGION"])
        self.client.make_bucket(self.bucket)

    def stop(self):
        if self.environment:
            subprocess.run([RGW, "stop", "--dir", self.folder], check=False, capture_output=True)


def formats(options):
    wanted = [one for one in FORMATS if options.only in (None, one[0])]
    return wanted + ([("csv", "zstd"), ("csv", "gzip")] if options.compressed else [])


def measured(options, folder, file, sink, tls, rgw):
    """{job: its best figures}, jobs in the order in which they are to be shown."""
    best, prefix = {}, 0

    def sluice(form, codec, bucket, environment):
        nonlocal prefix
        prefix += 1
        return run_job("sluice", file, form, codec, options.threads, bucket, f"{file.stem}{prefix}", environment=environment)

    for round_number in range(options.rounds):
        for form, codec in formats(options):
            name = f"{form} {codec}".strip()
            jobs = {}
            if name != "csv gzip":
                jobs["duckdb, local file"] = lambda: run_job("duckdb", file, form, codec, options.threads, folder / "out")
            jobs["sluice, sink"] = lambda: sluice(form, codec, "bench", sink)
            if tls and name == "csv":
                jobs["sluice, TLS, CRC"] = lambda: sluice(form, codec, "bench", {**tls, "S3_CHECKSUM": "CRC32C"})
            if options.peers and (form, codec) in FORMATS:
                jobs["duckdb 1.5, file"] = lambda: duckdb_peer(file, folder / "out", form, codec, options.threads)
            if rgw.environment and round_number == 0:
                jobs["sluice, radosgw"] = lambda: sluice(form, codec, rgw.bucket, rgw.environment)
            for job, work in jobs.items():
                figures = work()
                known = best.get(f"{name}: {job}")
                if figures and (known is None or figures["wall"] < known["wall"]):
                    best[f"{name}: {job}"] = figures
    return best


def duckdb_peer(file, target, form, codec, threads):
    if not (PEERS / "node_modules").is_dir():
        PEERS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", PEERS, DUCKDB_PEER], check=True)
    shutil.copy(ROOT / "bench" / "export" / "duckdb_peer.mjs", PEERS)
    done = subprocess.run(["node", PEERS / "duckdb_peer.mjs", file, target, form, codec, str(threads)],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def postgres_copy(csv_file):
    """Seconds of COPY TO STDOUT of the rows of a csv file of lineitem, in a server of its own."""
    with postgres.Postgres("fsync=off", "shared_buffers=1GB") as server:
        server.psql("CREATE UNLOGGED TABLE l (a bigint, b bigint, c int, d int, e numeric(15,2), f numeric(15,2), "
                    "g numeric(15,2), h numeric(15,2), i text, j text, k date, l date, m date, n text, o text, p text)")
        with open(csv_file, "rb") as file:
            server.psql("COPY l FROM STDIN CSV HEADER", stdin=file)
        seconds = []
        for _ in range(2):
            begin = time.monotonic()
            server.psql("COPY l TO STDOUT CSV", stdout=subprocess.DEVNULL)
            seconds.append(time.monotonic() - begin)
        return min(seconds)


def rclone_upload(path, sink):
    """Seconds of an upload of one file."""
    settings = {"RCLONE_CONFIG_SINK_TYPE": "s3", "RCLONE_CONFIG_SINK_PROVIDER": "Other", "RCLONE_CONFIG_SINK_ENV_AUTH": "true",
                "RCLONE_CONFIG_SINK_ENDPOINT": sink["S3_ENDPOINT"], "RCLONE_CONFIG_SINK_REGION": "us-east-1",
                "RCLONE_S3_NO_CHECK_BUCKET": "true", "RCLONE_S3_NO_HEAD": "true", "RCLONE_IGNORE_CHECKSUM": "true"}
    environment = {**os.environ, **sink, **settings}
    environment.pop("AWS_CA_BUNDLE", None)
    begin = time.monotonic()
    subprocess.run(["rclone", "--config", "/dev/null", "copyto", path, "sink:bench/rclone", "--s3-upload-concurrency", "4",
                    "--retries", "1"], check=True, env=environment, capture_output=True)
    return time.monotonic() - begin


def show_peers(options, folder, sink):
    """What others take from the same rows to the same end."""
    rows = options.rows or 2_000_000
    file, out = folder / "peers.duckdb", folder / "peers.csv"
    run_job("create", "lineitem", rows, file)

    def ours(form, codec):
        return min((run_job("sluice", file, form, codec, options.threads, "bench", f"peers{time.monotonic_ns()}",
                            environment=sink) for _ in range(3)), key=lambda one: one["wall"])

    def keep_file(form, codec):
        """DuckDB's file stays, for those that go on from it."""
        return run_job("duckdb", file, form, codec, options.threads, out, environment={"EXPORT_KEEP": "1"})

    print(f"\nothers: {rows} rows of lineitem, {options.threads} threads, seconds until all is uploaded, or read")
    csv = ours("csv", "")
    if postgres.is_installed():
        keep_file("csv", "")
        theirs = postgres_copy(out)
        print(f"  csv: sluice {csv['wall']:.2f}, PostgreSQL 15 COPY TO STDOUT {theirs:.2f}: {theirs / csv['wall']:.1f} times")
    if shutil.which("rclone"):
        for form, codec in FORMATS:
            mine = ours(form, codec)
            written = keep_file(form, codec)["wall"]
            uploaded = min(rclone_upload(out, sink) for _ in range(2))
            print(f"  {form} {codec}: sluice {mine['wall']:.2f}, duckdb {written:.2f} + rclone {uploaded:.2f}: "
                  f"{(written + uploaded) / mine['wall']:.1f} times")
    out.unlink(missing_ok=True)
    file.unlink()


def show_scaling(options, folder, sink):
    print(f"\ncsv, {options.threads} threads, by rows and by exports at once")

    def run(file, **more):
        return run_job("sluice", file, "csv", "", options.threads, "bench", f"scaling{time.monotonic_ns()}",
                       environment={**sink, "EXPORT_WARM": "1", **more})

    for rows in (1_000_000, 30_000_000):
        file = folder / f"scaling{rows}.duckdb"
        run_job("create", "lineitem", rows, file)
        best = min((run(file) for _ in range(3)), key=lambda one: one["cpu"])
        print(f"  {rows:>9} rows: {best['wall'] / rows * 1e9:.0f} ns a row by wall, {best['cpu'] / rows * 1e9:.0f} by cpu, "
              f"peak {best['peak'] / 1e6:.0f} MB", flush=True)
        if rows == 30_000_000:
            small = run(file, EXPORT_MEMORY_MB="512")
            print(f"  the same with 512 MB: {small['wall'] / rows * 1e9:.0f} ns by wall, peak {small['peak'] / 1e6:.0f} MB")
            continue
        for runs in (1, 2, 4, 8):
            all_of = run(file, EXPORT_RUNS=str(runs))
            print(f"  {runs} at once: {all_of['rows'] / all_of['wall'] / 1e6:.2f} M rows/s in all, the first after "
                  f"{all_of['fastest']:.2f} s, the last after {all_of['wall']:.2f} s", flush=True)
    for file in folder.glob("scaling*.duckdb"):
        file.unlink()


def show(table, options, best):
    rows = next(iter(best.values()))["rows"]
    print(f"\n{table}: {rows} rows, {options.threads} threads, best of {options.rounds}")
    print(f"{'':<32}{'wall s':>8}{'cpu s':>8}{'M rows/s':>10}{'by cpu':>8}{'MB/s':>7}{'MB':>7}{'files':>6}"
          f"{'peak MB':>9}{'x wall':>8}{'x cpu':>7}")
    failed = []
    for job, figures in best.items():
        assert figures["rows"] == rows, (job, figures)
        name = job.split(":")[0]
        duckdb = best.get(f"{name}: duckdb, local file") or best["csv: duckdb, local file"]
        wall, cpu = figures["wall"], figures["cpu"]
        by_wall, by_cpu = duckdb["wall"] / wall, duckdb["cpu"] / cpu
        print(f"{job:<32}{wall:>8.2f}{cpu:>8.2f}{rows / wall / 1e6:>10.2f}{rows / cpu / 1e6:>8.2f}"
              f"{figures['bytes'] / wall / 1e6:>7.0f}{figures['bytes'] / 1e6:>7.0f}{figures['files']:>6}"
              f"{figures['peak'] / 1e6:>9.0f}{by_wall:>8.2f}{by_cpu:>7.2f}", flush=True)
        targets = TARGETS if table == "lineitem" else OTHER_TARGETS
        target = targets.get(name, 0)
        if "sink" in job and by_cpu < target and by_wall < target:
            failed.append(f"{job}: {by_wall:.2f} by wall, {by_cpu:.2f} by cpu, {target} wanted")
    return failed


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--tables", default="lineitem,nested,wide")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--no-rgw", action="store_true")
    parser.add_argument("--only", choices=("csv", "parquet"))
    for flag in ("--compressed", "--tls", "--peers", "--scaling"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench_export.", dir=options.folder))
    rgw = Rgw(folder / "rgw", not options.no_rgw)
    failed = []
    print(f"load before: {os.getloadavg()[0]:.1f}")
    try:
        with contextlib.ExitStack() as stack:
            sink = stack.enter_context(sink_environment())
            tls = stack.enter_context(sink_environment("--tls")) if options.tls else None
            for table in filter(None, options.tables.split(",")):
                rows = options.rows or (30_000_000 if options.large and table == "lineitem" else
                                        6_000_000 if table == "lineitem" else 1_000_000)
                file = folder / f"{table}.duckdb"
                run_job("create", table, rows, file)
                failed += show(table, options, measured(options, folder, file, sink, tls, rgw))
                file.unlink()
            if options.peers:
                show_peers(options, folder, sink)
            if options.scaling:
                show_scaling(options, folder, sink)
    finally:
        rgw.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nload after: {os.getloadavg()[0]:.1f}")
    for line in failed:
        print("MISSED", line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
