#!/usr/bin/python3
"""Lookups by key: the same query with an index and without one, in turns, on one table.

    bench/lookups.py [ROWS]        default: 1000000

Prints medians in milliseconds and their ratio, what an index costs commits, and whether the target is met: a
lookup of one key of 1M rows is at least 2 times as fast as the scan. Exit code 0 if so."""

import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
import harness  # noqa: E402
from wire import wait_until  # noqa: E402

ROUNDS = 25
PIECE = 500_000  # a load each
TARGET = 2.0


def milliseconds(connection, sql):
    begin = time.perf_counter()
    connection.rows(sql)
    return (time.perf_counter() - begin) * 1000


def in_turns(sql, queries):
    """Medians with the index and, in a transaction that has dropped it, without."""
    times = {True: [], False: []}
    for round_number in range(ROUNDS):
        query = queries[round_number % len(queries)]
        times[True].append(milliseconds(sql, query))
        sql.query("BEGIN; DROP INDEX b_k_idx")
        times[False].append(milliseconds(sql, query))
        sql.query("ROLLBACK")
    return statistics.median(times[True]), statistics.median(times[False])


def commits_a_second(sql, table, seconds=3):
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        sql.query(f"INSERT INTO {table} (k, v) VALUES ({count}, 'x')")
        count += 1
    return count / seconds


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    server = harness.Server()
    met = True
    try:
        with server.wire() as sql:
            sql.query("CREATE TABLE b (k bigint, u uuid, v text, n numeric(12,2), at timestamp)")
            for first in range(1, rows + 1, PIECE):
                sql.query(f"INSERT INTO b SELECT g::bigint * 7919 % {rows}, gen_random_uuid(), 'a text of row ' || g, "
                          "g / 100.0, timestamp '2024-01-01' + g * interval '1 second' "
                          f"FROM generate_series({first}, {min(first + PIECE - 1, rows)}) g")
            begin = time.perf_counter()
            sql.query("CREATE INDEX ON b (k)")
            wait_until(lambda: sql.rows("SELECT 1 FROM mz_internal.mz_index_statuses WHERE phase = 'ready'"),
                       "the index was not built", 600)
            built = time.perf_counter() - begin
            ((size,),) = sql.rows("SELECT bytes FROM mz_internal.mz_index_statuses")
            print(f"{rows} rows: built in {built:.2f} s, {int(size) / rows:.0f} bytes a row")
            print(f"{'keys':>6} {'index, ms':>10} {'scan, ms':>10} {'ratio':>7}")
            for count in (1, 10, 100, 1000):
                queries = [f"SELECT * FROM b WHERE k IN ({', '.join(str((i * 104729 + 17 * n) % rows) for i in range(count))})"
                           for n in range(5)]
                index, scan = in_turns(sql, queries)
                print(f"{count:>6} {index:>10.2f} {scan:>10.2f} {scan / index:>6.1f}x")
                if count == 1:
                    met = scan / index >= TARGET
            sql.query("CREATE TABLE plain (k bigint, v text); CREATE TABLE indexed (k bigint, v text)")
            sql.query("CREATE INDEX ON indexed (k)")
            for _ in range(2):
                plain, indexed = commits_a_second(sql, "plain"), commits_a_second(sql, "indexed")
                print(f"one-row commits/s of one client: {plain:.0f} without, {indexed:.0f} with an index")
    finally:
        server.close()
    print(f"{'PASS' if met else 'FAIL'}: one key at least {TARGET} times as fast")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
