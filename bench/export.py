#!/usr/bin/python3
"""How fast exports are: rows and bytes a second of whole runs, uploads included, against DuckDB's own COPY of
the same rows to a file in memory, against others, and as they grow, in one run of the benchmark.

usage: export.py [--parts formats,others,growth] [--tables lineitem,nested,wide] [--rows N] [--rounds N] [--threads N]
                 [--folder /dev/shm] [--only csv|parquet] [--compressed] [--rgw]

Uploads go to tests/sink/sink.cc, which forgets what it reads, in a process of its own. Every figure is a process of its
own (bench/export/export_job.cc), all are interleaved, and of the rounds the one with the best wall time is shown.
Each target is judged as PASS or MISS; exit code 0 if none is missed. It takes eight minutes and 5 GB of --folder.

formats   Parquet with snappy and zstd, csv, and csv over TLS with a CRC-32C of each part, beside DuckDB 1.4.4 and
          DuckDB 1.5 (npm's, fetched into build/bench-peers)
others    PostgreSQL 15's COPY TO STDOUT, and a file of DuckDB's that rclone uploads
growth    1 and 30 million rows, 30 million within 512 MB, and 1 to 8 exports of 6 million rows at once
--compressed  csv with zstd and gzip too (gzip against DuckDB's plain csv: its own gzip takes minutes)
--rgw         also to a radosgw, for information only, since there its disk is measured"""

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

from common.verdicts import Verdicts
from peers import duckdb, postgres, rclone

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness
import s3
JOB = ROOT / "build" / "release" / "bench" / "export_job"
RGW = ROOT / "tests" / "rgw" / "rgw"
FORMATS = (("parquet", "snappy"), ("parquet", "zstd"), ("csv", ""))
# Times as fast as DuckDB 1.4.4, by wall and by processor time.
TARGETS = {"parquet snappy": 1.7, "parquet zstd": 1.4, "csv": 2.5, "csv over TLS": 2.0}
TARGET_OF_OTHER_TABLES = 1.2
TIMES_POSTGRES, TIMES_RCLONE = 6, 3
MOST_GROWTH = 1.1  # of the time a row takes, from 1 million rows to 30
MOST_PEAK_MB = 650  # of 30 million rows within 512 MB
MOST_UNFAIRNESS = 1.5  # the last of eight exports that begin together, to the first
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


@contextlib.contextmanager
def rgw_environment(folder, wanted):
    """A radosgw's settings; None where none is wanted or can be started."""
    if not wanted:
        yield None
        return
    out = subprocess.run([RGW, "start", "--dir", folder], capture_output=True, text=True)
    if out.returncode != 0:
        print("no radosgw, so no figures for it:", out.stderr.strip().splitlines()[-1:])
        yield None
        return
    settings = dict(line.removeprefix("export ").split("=", 1) for line in out.stdout.splitlines())
    s3.S3(settings["S3_ENDPOINT"], settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"],
          settings["AWS_REGION"]).make_bucket("bench")
    try:
        yield settings
    finally:
        subprocess.run([RGW, "stop", "--dir", folder], check=False, capture_output=True)


class Bench:
    """The folder, the stores and the options of one run of the benchmark."""

    def __init__(self, options, folder, sink, tls, rgw):
        self.options, self.folder, self.sink, self.tls, self.rgw = options, folder, sink, tls, rgw
        self.verdicts = Verdicts()
        self.exports = 0

    def table(self, name, rows):
        file = self.folder / f"{name}{rows}.duckdb"
        if not file.exists():
            run_job("create", name, rows, file)
        return file

    def sluice(self, file, form, codec, environment, **more):
        self.exports += 1
        return run_job("sluice", file, form, codec, self.options.threads, "bench", f"export{self.exports}",
                       environment={**environment, **more})

    def duckdb(self, file, form, codec, target, keep=False):
        return run_job("duckdb", file, form, codec, self.options.threads, target,
                       environment={"EXPORT_KEEP": "1"} if keep else None)

    def jobs(self, file, form, codec):
        """{who: what it does} of one format."""
        name, target = f"{form} {codec}".strip(), self.folder / "out"
        jobs = {}
        if name != "csv gzip":
            jobs["duckdb, local file"] = lambda: self.duckdb(file, form, codec, target)
        jobs["sluice"] = lambda: self.sluice(file, form, codec, self.sink)
        if name == "csv":
            jobs["sluice over TLS"] = lambda: self.sluice(file, form, codec, self.tls, S3_CHECKSUM="CRC32C")
        if (form, codec) in FORMATS and duckdb.is_installed():
            jobs["duckdb 1.5, local file"] = lambda: duckdb.copy(file, target, form, codec, self.options.threads)
        if self.rgw:
            jobs["sluice, radosgw"] = lambda: self.sluice(file, form, codec, self.rgw)
        return jobs


def best_of(rounds, jobs):
    """{who: its figures of the round with the best wall time}; in turns."""
    best = {}
    for _ in range(rounds):
        for who, work in jobs.items():
            figures = work()
            if who not in best or figures["wall"] < best[who]["wall"]:
                best[who] = figures
    return best


def show(name, best, duckdb_itself):
    rows = best["sluice"]["rows"]
    for who, figures in best.items():
        assert figures["rows"] == rows, (who, figures)
        wall, cpu = figures["wall"], figures["cpu"]
        print(f"{name + ': ' + who:<42}{wall:>8.2f}{cpu:>8.2f}{rows / wall / 1e6:>10.2f}{rows / cpu / 1e6:>8.2f}"
              f"{figures['bytes'] / wall / 1e6:>7.0f}{figures['bytes'] / 1e6:>7.0f}{figures['files']:>6}"
              f"{figures['peak'] / 1e6:>9.0f}{duckdb_itself['wall'] / wall:>8.2f}{duckdb_itself['cpu'] / cpu:>7.2f}", flush=True)


def judge(verdicts, table, name, best, duckdb_itself):
    for who, kind in (("sluice", name), ("sluice over TLS", f"{name} over TLS")):
        if who not in best or kind not in TARGETS:
            continue
        target = TARGETS[kind] if table == "lineitem" else TARGET_OF_OTHER_TABLES
        for measure, word in (("wall", "time"), ("cpu", "processor time")):
            verdicts.at_least(f"{table}, {kind}, {word} of DuckDB's COPY", duckdb_itself[measure] / best[who][measure], target)
    if "duckdb 1.5, local file" in best:
        verdicts.at_least(f"{table}, {name}, time of DuckDB 1.5's", best["duckdb 1.5, local file"]["wall"] / best["sluice"]["wall"], 1)


def measure_formats(bench):
    options = bench.options
    formats = [one for one in FORMATS if options.only in (None, one[0])]
    formats += [("csv", "zstd"), ("csv", "gzip")] if options.compressed else []
    if not duckdb.is_installed():
        print("npm cannot fetch DuckDB 1.5: not measured")
    for table in filter(None, options.tables.split(",")):
        rows = options.rows or (6_000_000 if table == "lineitem" else 1_000_000)
        file = bench.table(table, rows)
        print(f"\n{table}: {rows} rows, {options.threads} threads, best of {options.rounds}")
        print(f"{'':<42}{'wall s':>8}{'cpu s':>8}{'M rows/s':>10}{'by cpu':>8}{'MB/s':>7}{'MB':>7}{'files':>6}"
              f"{'peak MB':>9}{'x wall':>8}{'x cpu':>7}")
        plain = None
        for form, codec in formats:
            name = f"{form} {codec}".strip()
            best = best_of(options.rounds, bench.jobs(file, form, codec))
            itself = best.get("duckdb, local file", plain)
            plain = itself if name == "csv" else plain
            show(name, best, itself)
            judge(bench.verdicts, table, name, best, itself)


def measure_others(bench):
    """What others take from the same rows to the same end."""
    rows, out = bench.options.rows or 6_000_000, bench.folder / "others"
    file = bench.table("lineitem", rows)

    def ours(form, codec):
        return min(bench.sluice(file, form, codec, bench.sink)["wall"] for _ in range(3))

    print(f"\nothers: {rows} rows of lineitem, {bench.options.threads} threads, seconds until all is uploaded, or read")
    if postgres.is_installed():
        mine = ours("csv", "")
        bench.duckdb(file, "csv", "", out, keep=True)
        theirs = postgres_copy(out)
        print(f"csv: sluice {mine:.2f}, PostgreSQL 15 COPY TO STDOUT {theirs:.2f}")
        bench.verdicts.at_least("csv, time of PostgreSQL's COPY TO STDOUT", theirs / mine, TIMES_POSTGRES)
    else:
        print("no PostgreSQL 15: not measured")
    if not rclone.is_installed():
        print("no rclone: not measured")
        return
    for form, codec in FORMATS:
        mine, name = ours(form, codec), f"{form} {codec}".strip()
        written = min(bench.duckdb(file, form, codec, out, keep=True)["wall"] for _ in range(2))
        uploaded = min(rclone.upload(out, bench.sink) for _ in range(2))
        print(f"{name}: sluice {mine:.2f}, DuckDB {written:.2f} and rclone {uploaded:.2f}")
        bench.verdicts.at_least(f"{name}, time of a file and rclone", (written + uploaded) / mine, TIMES_RCLONE)
    out.unlink()


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


def measure_growth(bench):
    few, some, many = 1_000_000, 6_000_000, 30_000_000
    formats = [one for one in (("parquet", "snappy"), ("csv", "")) if bench.options.only in (None, one[0])]
    small, large = bench.table("lineitem", few), bench.table("lineitem", many)
    for form, codec in formats:
        name = f"{form} {codec}".strip()

        def run(file, **more):
            return bench.sluice(file, form, codec, bench.sink, EXPORT_WARM="1", **more)

        print(f"\n{name} of lineitem, {bench.options.threads} threads, as it grows", flush=True)
        best = {few: [], many: []}
        for _ in range(3):
            for rows, file in ((few, small), (many, large)):
                best[rows].append(run(file))
        by_row = {rows: {measure: min(one[measure] for one in runs) / rows * 1e9 for measure in ("wall", "cpu")}
                  for rows, runs in best.items()}
        for rows, figures in by_row.items():
            print(f"{rows} rows: {figures['wall']:.0f} ns a row by wall, {figures['cpu']:.0f} by processor time, "
                  f"peak {best[rows][0]['peak'] / 1e6:.0f} MB", flush=True)
        for measure, word in (("wall", "time"), ("cpu", "processor time")):
            bench.verdicts.at_most(f"{name}, {word} a row of {many} rows to that of {few}",
                                   by_row[many][measure] / by_row[few][measure], MOST_GROWTH)
        bench.verdicts.at_most(f"{name}, MB at the peak of {many} rows within 512 MB",
                               run(large, EXPORT_MEMORY_MB="512")["peak"] / 1e6, MOST_PEAK_MB)
        for runs in (1, 2, 4, 8):
            all_of = run(bench.table("lineitem", some), EXPORT_RUNS=str(runs))
            print(f"{runs} at once: {all_of['rows'] / all_of['wall'] / 1e6:.2f} M rows/s in all, the first after "
                  f"{all_of['fastest']:.2f} s, the last after {all_of['wall']:.2f} s", flush=True)
            if runs > 1:
                bench.verdicts.at_most(f"{name}, {runs} at once, time of the last to the first's",
                                       all_of["wall"] / all_of["fastest"], MOST_UNFAIRNESS)


PARTS = {"formats": measure_formats, "others": measure_others, "growth": measure_growth}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rows", type=int)
    parser.add_argument("--tables", default="lineitem,nested,wide")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", default="/dev/shm")
    parser.add_argument("--only", choices=("csv", "parquet"))
    for flag in ("--compressed", "--rgw"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f}")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench_export.", dir=options.folder)))
        sink = stack.enter_context(sink_environment())
        tls = stack.enter_context(sink_environment("--tls"))
        rgw = stack.enter_context(rgw_environment(folder / "rgw", options.rgw))
        bench = Bench(options, folder, sink, tls, rgw)
        for part in filter(None, options.parts.split(",")):
            PARTS[part](bench)
    print(f"\nload after: {os.getloadavg()[0]:.1f}")
    bench.verdicts.end()


if __name__ == "__main__":
    main()
