#!/usr/bin/python3
"""How near files come to MAX FILE SIZE, what keeping to a size costs, and what many partitions do.

usage: sizes.py [--targets 16MB,100MB,256MB] [--shapes flat,wide,nested,random,repetitive] [--codecs none,snappy,...]
                [--only overshoot|cost|partitions] [--rounds N] [--folder /dev/shm]

overshoot  each shape of rows in each codec of Parquet, and as csv, into files of each size, by one thread: the largest
           file over its target. More than 5 % of Parquet, or a byte of csv, fails the benchmark. 1GB takes long with gzip.
cost       the same rows to tests/sink/sink.cc by two threads, in files of each size and in files of any size,
           interleaved: processor time and wall time of the one over the other, best of the rounds.
partitions six million rows by a date of 2,500 values, in no order, by a server with --memory-limit 1GB: how many files a
           value has at most, and the time over that of the same rows stored by date."""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness
from common.verdicts import Verdicts

CODECS = ("none", "snappy", "lz4_raw", "zstd", "gzip", "csv")
LARGEST = "4GB"  # that the option takes: as good as none
UNITS = {"MB": 1 << 20, "GB": 1 << 30}
LEAST_BYTES = 400 << 20  # of an export whose time is measured
# (rows of a sample, columns of `i`)
SHAPES = {
    "flat": (300_000, """i AS id, ((i * 31) % 100000)::int AS supplier, ((i * 17) % 10000000 / 100.0)::numeric(15,2) AS price,
                         date '1992-01-01' + (i * 13 % 2500)::int AS shipped, CASE WHEN i % 3 = 0 THEN 'A' ELSE 'NONE' END AS flag,
                         md5(i::text) AS comment"""),
    "wide": (60_000, """i AS id, md5(i::text) AS digest, 'customer ' || (i * 7919) % 50000 AS customer,
                        'the quick brown fox ' || (i * 13) % 1000 || ' jumps over the lazy dog ' || i AS note,
                        ('{"id":' || i || ',"tags":["a","b","' || md5((i * 5)::text) || '"],"score":' || (i * 11) % 10000 || '}')::jsonb
                        AS document, md5((i * 7)::text) || md5((i * 9)::text) AS token"""),
    "nested": (200_000, """i AS id, array[(i * 7919) % 100003, i, (i * 31) % 1000007, i * 17] AS numbers,
                           array['tag' || i % 500, md5(i::text)] AS tags,
                           ('{a=>' || md5((i * 5)::text) || ',b=>' || i % 77 || '}')::map[text=>text] AS properties"""),
    "random": (300_000, """decode(md5(i::text), 'hex') AS a, decode(md5((i * 3)::text), 'hex') AS b,
                           decode(md5((i * 7)::text), 'hex') AS c"""),
    "repetitive": (60_000, "i AS id, repeat('all the same words, again and again ', 20) || i AS text"),
}


def bytes_of(size):
    number, unit = re.fullmatch(r"(\d+)(MB|GB)", size).groups()
    return int(number) * UNITS[unit]


def options_of(codec):
    return "FORMAT = 'csv'" if codec == "csv" else f"FORMAT = 'parquet', COMPRESSION = '{codec}'"


def rows_of(shape, rows):
    return f"(SELECT {SHAPES[shape][1]} FROM generate_series(1::bigint, {rows}::bigint) g(i))"


class Bench:
    def __init__(self, options, threads, *arguments):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench_sizes.", dir=options.folder))
        self.server = harness.Server("--local-export-dir", str(self.folder), "--threads", str(threads), *arguments)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def copy(self, source, codec, size, target, more=""):
        self.server.psql("-c", f"COPY {source} TO '{target}' WITH ({options_of(codec)}, MAX FILE SIZE = '{size}'{more})", timeout=3600)

    def files(self, source, codec, size):
        """Their sizes, in order."""
        target = self.folder / "out"
        self.copy(source, codec, size, f"file://{target}")
        sizes = [path.stat().st_size for path in sorted(target.iterdir())]
        shutil.rmtree(target)
        return sizes

    def row_bytes(self, shape, codecs):
        """{codec: bytes of a row in its files}, about."""
        rows = SHAPES[shape][0]
        return {codec: sum(self.files(rows_of(shape, rows), codec, LARGEST)) / rows for codec in codecs}

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.server.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def overshoot(options, verdicts):
    print(f"{'largest file over its target':<30}" + "".join(f"{codec:>10}" for codec in options.codecs))
    with Bench(options, threads=1) as bench:
        for shape in options.shapes:
            row_bytes = bench.row_bytes(shape, options.codecs)
            for size in options.targets:
                target, shown = bytes_of(size), []
                for codec in options.codecs:
                    # More than what two files share evenly.
                    files = bench.files(rows_of(shape, int(2.2 * target / row_bytes[codec])), codec, size)
                    over = max(files) / target - 1
                    shown.append(f"{over:>+10.2%}")
                    if len(files) < 2 or over > (0 if codec == "csv" else 0.05) or over < -0.05:
                        verdicts.miss(f"{shape} {codec} {size}: {[round(one / target, 3) for one in files]}")
                print(f"{shape + ' ' + size:<30}" + "".join(shown), flush=True)


def cost(options, verdicts):
    print(f"\n{'with a size over without':<30}{'by cpu':>10}{'by wall':>10}")
    with contextlib.closing(harness.Sink()) as sink, Bench(options, threads=2) as bench:
        bench.server.psql("-c", "CREATE SECRET k AS 'k'", "-c",
                          f"CREATE CONNECTION sink TO AWS (ENDPOINT = '{sink.url}', REGION = 'us-east-1', ACCESS KEY ID = 'k', "
                          "SECRET ACCESS KEY = SECRET k)")
        for shape in options.shapes:
            for codec in (one for one in options.codecs if one in ("snappy", "csv")):
                row_bytes = bench.row_bytes(shape, [codec])[codec]
                for size in options.targets:
                    # A table of some files for each thread: computing rows would take longer than writing them.
                    bench.server.psql("-c", f"CREATE TABLE t AS SELECT * FROM {rows_of(shape, int(max(5 * bytes_of(size), LEAST_BYTES) / row_bytes))}",
                                      timeout=3600)
                    best = {}
                    for _ in range(options.rounds):
                        for one in (size, LARGEST):
                            began, cpu = time.monotonic(), bench.cpu()
                            bench.copy("t", codec, one, f"s3://bench/{time.monotonic_ns()}", ", AWS CONNECTION = sink")
                            figures = bench.cpu() - cpu, time.monotonic() - began
                            best[one] = tuple(map(min, zip(best.get(one, figures), figures)))
                    bench.server.psql("-c", "DROP TABLE t")
                    by_cpu, by_wall = (with_size / without for with_size, without in zip(best[size], best[LARGEST]))
                    print(f"{shape + ' ' + codec + ' ' + size:<30}{by_cpu:>10.3f}{by_wall:>10.3f}", flush=True)
                    if min(by_cpu, by_wall) > 1.05:
                        verdicts.miss(f"{shape} {codec} {size}: {by_cpu:.3f} by cpu, {by_wall:.3f} by wall")


PARTITIONED_ROWS, VALUES, MOST_FILES, MOST_TIME = 6_000_000, 2500, 2, 1.5


def partitions(options, verdicts):
    print(f"\n{PARTITIONED_ROWS} rows in {VALUES} partitions")
    with Bench(options, 2, "--memory-limit", "1GB") as bench:
        bench.server.psql("-c", "CREATE TABLE t AS SELECT i AS id, (i * 31 % 100000)::int AS supplier, "
                          "(i * 17 % 10000000 / 100.0)::numeric(15,2) AS price, 'the comment on order ' || i * 7 % 1000003 "
                          f"AS comment, date '1992-01-01' + (i * 7919 % {VALUES})::int AS shipped "
                          f"FROM generate_series(1::bigint, {PARTITIONED_ROWS}::bigint) g(i)",
                          "-c", "CREATE TABLE in_order AS SELECT * FROM t ORDER BY shipped", timeout=3600)
        seconds, most = {}, 0
        for _ in range(options.rounds):
            for source in ("t", "in_order"):
                target = bench.folder / "out"
                began = time.monotonic()
                bench.server.psql("-c", f"COPY {source} TO 'file://{target}' WITH (FORMAT = 'parquet', "
                                  "PARTITION BY (shipped))", timeout=3600)
                seconds[source] = min(seconds.get(source, 1e9), time.monotonic() - began)
                counts = [len(list(one.iterdir())) for one in target.iterdir()]
                assert len(counts) == VALUES, len(counts)
                most = max(most, *counts) if source == "t" else most
                shutil.rmtree(target)
    unsorted, in_order = seconds.values()
    print(f"unsorted {unsorted:.2f} s, sorted first {in_order:.2f} s")
    verdicts.at_most("files of a partition", most, MOST_FILES)
    verdicts.at_most("time of unsorted rows to that of sorted ones", unsorted / in_order, MOST_TIME)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name, default in (("targets", "16MB,100MB,256MB"), ("shapes", ",".join(SHAPES)), ("codecs", ",".join(CODECS))):
        parser.add_argument(f"--{name}", type=lambda text: text.split(","), default=default.split(","))
    parser.add_argument("--only", choices=("overshoot", "cost", "partitions"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default="/dev/shm")
    options = parser.parse_args()
    verdicts = Verdicts()
    for part in (overshoot, cost, partitions):
        if options.only in (None, part.__name__):
            part(options, verdicts)
    verdicts.end()


if __name__ == "__main__":
    main()
