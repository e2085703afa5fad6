#!/usr/bin/python3
"""How fast exports are: rows and bytes a second of whole runs, uploads included, against DuckDB's own COPY of
the same rows to a file in memory, in one run of the benchmark.

usage: export.py [--large] [--rows N] [--tables lineitem,nested,wide] [--rounds N] [--threads N]
                 [--folder /dev/shm] [--no-rgw]

Uploads go to tests/sink/sink.py, which forgets what it reads, in a process of its own; and to a radosgw where
one can be started, for information only, since there its disk is measured. --large takes 30 million rows of
lineitem instead of 6. Every figure is a process of its own (bench/export/export_job.cc), all are interleaved,
and of the rounds the one with the best wall time is shown. On a busy machine trust the processor seconds."""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
JOB = ROOT / "build" / "release" / "bench" / "export_job"
RGW = ROOT / "tests" / "rgw" / "rgw"
FORMATS = (("parquet", "snappy"), ("parquet", "zstd"), ("csv", ""))
TARGETS = {"parquet": 0.95, "csv": 2.0}
SINK_KEYS = {"AWS_ACCESS_KEY_ID": "sink", "AWS_SECRET_ACCESS_KEY": "sink", "AWS_REGION": "us-east-1"}


def run_job(*arguments, environment=None):
    done = subprocess.run([JOB, *map(str, arguments)], capture_output=True, text=True,
                          env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return json.loads(done.stdout) if done.stdout else None


class Sink:
    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, ROOT / "tests" / "sink" / "sink.py"],
                                        stdout=subprocess.PIPE, text=True)
        url = self.process.stdout.readline().rsplit(" ", 1)[-1].strip()
        self.environment = {**SINK_KEYS, "S3_ENDPOINT": url}
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


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
        sys.path.insert(0, str(ROOT / "tests" / "e2e"))
        import s3
        self.client = s3.S3(settings["S3_ENDPOINT"], settings["AWS_ACCESS_KEY_ID"],
                            settings["AWS_SECRET_ACCESS_KEY"], settings["AWS_REGION"])
        self.client.make_bucket(self.bucket)

    def stop(self):
        if self.environment:
            subprocess.run([RGW, "stop", "--dir", self.folder], check=False, capture_output=True)


def measured(options, folder, file, sink, rgw):
    """{job: its best figures}, jobs in the order in which they are to be shown."""
    best, prefix = {}, 0
    for round_number in range(options.rounds):
        for form, codec in FORMATS:
            name = f"{form} {codec}".strip()
            jobs = [(f"{name}: duckdb, local file",
                     lambda: run_job("duckdb", file, form, codec, options.threads, folder / "out")),
                    (f"{name}: sluice, sink",
                     lambda: run_job("sluice", file, form, codec, options.threads, "bench", f"{file.stem}{prefix}",
                                     environment=sink.environment))]
            if rgw.environment and round_number == 0:
                jobs.append((f"{name}: sluice, radosgw",
                             lambda: run_job("sluice", file, form, codec, options.threads, rgw.bucket,
                                             f"{file.stem}{prefix}", environment=rgw.environment)))
            for job, work in jobs:
                prefix += 1
                figures = work()
                if job not in best or figures["wall"] < best[job]["wall"]:
                    best[job] = figures
    return best


def show(table, options, best):
    rows = next(iter(best.values()))["rows"]
    print(f"\n{table}: {rows} rows, {options.threads} threads, best of {options.rounds}")
    print(f"{'':<32}{'wall s':>8}{'cpu s':>8}{'M rows/s':>10}{'by cpu':>8}{'MB/s':>7}{'MB':>7}{'files':>6}"
          f"{'peak MB':>9}{'x wall':>8}{'x cpu':>7}")
    failed = []
    for job, figures in best.items():
        assert figures["rows"] == rows, (job, figures)
        duckdb = best[job.split(":")[0] + ": duckdb, local file"]
        wall, cpu = figures["wall"], figures["cpu"]
        by_wall, by_cpu = duckdb["wall"] / wall, duckdb["cpu"] / cpu
        print(f"{job:<32}{wall:>8.2f}{cpu:>8.2f}{rows / wall / 1e6:>10.2f}{rows / cpu / 1e6:>8.2f}"
              f"{figures['bytes'] / wall / 1e6:>7.0f}{figures['bytes'] / 1e6:>7.0f}{figures['files']:>6}"
              f"{figures['peak'] / 1e6:>9.0f}{by_wall:>8.2f}{by_cpu:>7.2f}", flush=True)
        target = TARGETS[job.split(":")[0].split()[0]]
        if "sink" in job and table == "lineitem" and by_cpu < target and by_wall < target:
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
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench_export.", dir=options.folder))
    rgw = Rgw(folder / "rgw", not options.no_rgw)
    failed = []
    print(f"load before: {os.getloadavg()[0]:.1f}")
    try:
        with Sink() as sink:
            for table in options.tables.split(","):
                rows = options.rows or (30_000_000 if options.large and table == "lineitem" else
                                        6_000_000 if table == "lineitem" else 1_000_000)
                file = folder / f"{table}.duckdb"
                run_job("create", table, rows, file)
                failed += show(table, options, measured(options, folder, file, sink, rgw))
                file.unlink()
    finally:
        rgw.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nload after: {os.getloadavg()[0]:.1f}")
    for line in failed:
        print("MISSED", line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
