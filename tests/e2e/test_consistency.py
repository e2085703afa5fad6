#!/usr/bin/python3
"""Exports beside writers: the files hold exactly what the query gives AS OF the run's recorded time,
and that is a state that some order of whole transactions leads to."""

import collections
import csv
import json
import pathlib
import random
import re
import shutil
import tempfile
import threading

import harness
import psycopg2
from wire import wait_until

ACCOUNTS = 200
OPENING = 1000  # balance of each account before the first transfer
EVENTS = 200_000

# What is exported, and its columns as text for the comparison.
SOURCES = {
    "table": ("accounts", "id, owner, balance"),
    "big table": ("events", "id, version, note"),
    "view over two tables": ("off_by", "id, difference"),
    "aggregate": ("(SELECT owner, count(*) AS n, sum(balance) AS total FROM accounts GROUP BY owner)",
                  "owner, n, total"),
    "query with a join": ("(SELECT t.id, a.owner, t.amount FROM transfers t JOIN accounts a ON a.id = t.payer)",
                          "id, owner, amount"),
}


class Writers:
    """Clients that move money, change events and write down what they did, until they are stopped."""

    def __init__(self, server, count):
        self.server, self.stop, self.faults = server, threading.Event(), []
        self.commits = collections.Counter()
        self.threads = [threading.Thread(target=self.work, args=(n,)) for n in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def work(self, number):
        try:
            connection = psycopg2.connect(host=self.server.host, port=self.server.port,
                                          user="materialize", dbname="materialize")
            chance = random.Random(number)
            while not self.stop.is_set():
                self.commits[number] += self.transaction(connection, chance, number)
            connection.close()
        except Exception as fault:  # told by the test: a thread has nobody to tell
            self.faults.append(repr(fault))

    def transaction(self, connection, chance, number):
        payer, payee = chance.sample(range(ACCOUNTS), 2)
        amount = chance.randint(1, 50)
        try:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE accounts SET balance = balance - %s WHERE id = %s", (amount, payer))
                cursor.execute("INSERT INTO transfers VALUES (%s, %s, %s, %s)",
                               (self.commits[number] * 100 + number, payer, payee, amount))
                cursor.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", (amount, payee))
                if chance.random() < 0.2:
                    first = chance.randrange(EVENTS)
                    cursor.execute("UPDATE events SET version = version + 1 WHERE id BETWEEN %s AND %s",
                                   (first, first + 20))
            connection.commit()
            return 1
        except psycopg2.errors.SerializationFailure:
            connection.rollback()
            return 0


def comparable(rows):
    """Rows of texts in one order; how many zeros end a number is each format's own business."""
    def text(value):
        if value is not None and re.fullmatch(r"-?\d+\.\d+", value):
            return value.rstrip("0").rstrip(".")
        return value
    return sorted(tuple(map(text, row)) for row in rows)


class Consistency(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-consistency-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        # The time of a run must still be readable when the test comes to it.
        cls.arguments = ("--retain-history-ms", "300000", "--local-export-dir", str(cls.folder))
        super().setUpClass()
        with cls.server.wire() as sql:
            sql.query("CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, balance numeric(12,2) NOT NULL)")
            sql.query("CREATE TABLE transfers (id bigint, payer int, payee int, amount numeric(12,2))")
            sql.query("CREATE TABLE events (id int, version int, note text)")
            sql.query(f"INSERT INTO accounts SELECT i, 'owner ' || i % 7, {OPENING} FROM generate_series(0, {ACCOUNTS - 1}) AS g(i)")
            sql.query(f"INSERT INTO events SELECT i, 0, 'event ' || i FROM generate_series(0, {EVENTS - 1}) AS g(i)")
            # What each account has, less what its transfers say that it should have.
            sql.query(f"""CREATE VIEW off_by AS
                SELECT a.id, a.balance - {OPENING} - coalesce(i.got, 0) + coalesce(o.paid, 0) AS difference
                FROM accounts a
                LEFT JOIN (SELECT payee, sum(amount) AS got FROM transfers GROUP BY payee) i ON i.payee = a.id
                LEFT JOIN (SELECT payer, sum(amount) AS paid FROM transfers GROUP BY payer) o ON o.payer = a.id""")

    def export(self, source, form, name):
        """Returns the files' folder and the run's recorded time."""
        folder = self.folder / name
        header = ", HEADER = true" if form == "csv" else ""
        self.sql.query(f"COPY {source} TO 'file://{folder}' WITH (FORMAT = '{form}'{header})")
        times = self.sql.rows("SELECT logical_time::text, state FROM sluice_internal.export_runs "
                              f"WHERE target = 'file://{folder}'")
        self.assertEqual(len(times), 1)
        self.assertEqual(times[0][1], "done")
        return folder, times[0][0]

    def read(self, folder, form, columns):
        if form == "csv":
            rows = []
            for path in sorted(folder.iterdir()):
                with open(path, newline="") as file:
                    rows += list(csv.reader(file))[1:]
        else:
            texts = ", ".join(f"{column}::text" for column in columns.split(", "))
            rows = json.loads(harness.node("readers/read.mjs", "duckdb", folder, "parquet",
                                           f"SELECT {texts} FROM data"))
        return comparable(rows)

    def as_of(self, source, columns, time):
        rows = self.sql.rows(f"SELECT {columns} FROM {source}{' AS q' if source.startswith('(') else ''} AS OF {time}")
        return comparable(rows)

    def check_invariant(self, name, rows):
        if name == "table":
            self.assertEqual(sum(float(balance) for _, _, balance in rows), ACCOUNTS * OPENING)
        if name == "big table":
            self.assertEqual(len({row[0] for row in rows}), EVENTS)
        if name == "view over two tables":
            self.assertEqual({float(difference) for _, difference in rows}, {0.0})
            self.assertEqual(len(rows), ACCOUNTS)
        if name == "aggregate":
            self.assertEqual(sum(float(total) for _, _, total in rows), ACCOUNTS * OPENING)

    def test_files_are_the_query_as_of_the_recorded_time(self):
        seen_times, versions = set(), set()
        with Writers(self.server, 3) as writers:
            for turn in range(3):
                for number, (name, (source, columns)) in enumerate(SOURCES.items()):
                    for form in ("csv", "parquet"):
                        with self.subTest(name, form=form, turn=turn):
                            before = sum(writers.commits.values())
                            folder, time = self.export(source, form, f"{turn}-{number}-{form}")
                            exported = self.read(folder, form, columns)
                            expected = self.as_of(source, columns, time)
                            self.assertEqual(len(exported), len(expected))
                            # Not assertEqual on the lists: it would print 200,000 rows.
                            wrong = [pair for pair in zip(exported, expected) if pair[0] != pair[1]]
                            self.assertEqual(wrong[:5], [])
                            self.check_invariant(name, exported)
                            seen_times.add(time)
                            if name == "table":
                                versions.add(tuple(exported))
                            # The writers were really there.
                            # Where the machine is busy a short export may see none end.
                            wait_until(lambda: sum(writers.commits.values()) > before or writers.faults, "a commit")
        self.assertEqual(writers.faults, [])
        self.assertEqual(len(seen_times), 3 * len(SOURCES) * 2)
        self.assertGreater(len(versions), 3, "the exports have all seen one state: nothing was tested")

    def test_an_export_as_of_an_older_time(self):
        time = self.sql.rows("SELECT mz_now()::text")[0][0]
        before = self.as_of("accounts", "id, owner, balance", time)
        self.sql.query("UPDATE accounts SET balance = balance + 1")
        self.addCleanup(self.sql.query, "UPDATE accounts SET balance = balance - 1")
        for form in ("csv", "parquet"):
            with self.subTest(form):
                folder, recorded = self.export(f"(SELECT * FROM accounts AS OF {time})", form, f"old-{form}")
                self.assertEqual(self.read(folder, form, "id, owner, balance"), before)
                self.assertEqual(recorded, time)


if __name__ == "__main__":
    harness.main()
