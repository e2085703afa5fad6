#!/usr/bin/python3
"""Durable commits of one row each through SQL: pgbench, of PostgreSQL, sends INSERTs over 1 and over 16 connections.

    bench/commits.py [SECONDS]        of each measurement; default: 5

Prints commits a second, simple protocol and prepared, what of the server's processor time each took, and the same
for PostgreSQL 15 with its default settings beside it, on the same disk. Targets: 1,000 a second alone and 4,000
with 16. Exit code 0 if they are met. pgbench and the server share the machine's cores."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from common.verdicts import Verdicts
from peers import postgres

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
import harness  # noqa: E402

TARGETS = {1: 1000, 16: 4000}
PROTOCOLS = ("simple", "prepared")


def commits_a_second(arguments, clients, protocol, seconds, script):
    done = subprocess.run([postgres.BINARIES / "pgbench", "-n", "-f", script, "-c", str(clients), "-j", "1",
                           "-T", str(seconds), "-M", protocol, *arguments],
                          check=True, capture_output=True, text=True)
    return float(re.search(r"^tps = ([\d.]+)", done.stdout, re.M)[1])


def processor_seconds(process):
    words = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def measure(server, peer, script, seconds, verdicts):
    ours = ["-h", server.host, "-p", str(server.port), "-U", "materialize", "materialize"]
    commits = 0
    for clients, target in TARGETS.items():
        for protocol in PROTOCOLS:
            before = processor_seconds(server.process.pid)
            rate = commits_a_second(ours, clients, protocol, seconds, script)
            microseconds = (processor_seconds(server.process.pid) - before) / (rate * seconds) * 1e6
            beside = commits_a_second(peer, clients, protocol, seconds, script)
            commits += int(rate * seconds * 0.9)
            verdicts.at_least(f"{clients:2} connections, {protocol}, commits a second", rate, target)
            print(f"        {microseconds:.0f} us of processor time each, {rate / beside:.2f} of PostgreSQL's", flush=True)
    with server.wire() as sql:
        rows = int(sql.rows("SELECT count(*) FROM t")[0][0])
    if rows < commits:
        sys.exit(f"only {rows} rows of more than {commits} that were acknowledged")


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    verdicts = Verdicts()
    table = "CREATE TABLE t (a int, b int)"
    with tempfile.TemporaryDirectory() as folder, postgres.Postgres() as peer:
        script = pathlib.Path(folder) / "insert.sql"
        script.write_text("INSERT INTO t VALUES (:client_id, 1);\n")
        server = harness.Server()
        try:
            with server.wire() as sql:
                sql.query(table)
            peer.psql(table)
            measure(server, ["-h", peer.folder, "-U", "postgres", "postgres"], script, seconds, verdicts)
        finally:
            server.close()
    verdicts.end()


main()
