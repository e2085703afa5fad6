#!/usr/bin/python3
"""Random statements on Sluice and on PostgreSQL give the same rows, through kills and restarts with other settings.

The work comes from a seed, which is printed. A statement or transaction that a kill has cut off may be there as a whole
or not at all; all that was acknowledged is. Where rows are so wide that the server's memory may not do, it may refuse a
statement for that, which then has changed nothing, and views are waited for. SLUICE_LONG_TESTS=1 goes on for 20 seeds."""

import collections
import io
import os
import pathlib
import random
import shutil
import tempfile
import threading
import time

import psycopg2

import harness
import postgres

SEEDS = range(1, 21) if os.environ.get("SLUICE_LONG_TESTS") else [1]
ROUNDS, STEPS = 4, 20

# SQL type, its value in row i, and values as INSERT and COPY take them.
TYPES = {
    "text": ("text", "repeat(md5(i::text), (i % 5)::int)", ["", "it's", "tab\there", "back\\slash", "é€", "x" * 5000]),
    "wide": ("text", "repeat(md5(i::text), (i % 3 * 700)::int)", ["", "w" * 60_000, "v" * 20_000]),
    "numeric": ("numeric(18,3)", "i * 0.125", ["0", "-1.500", "999999999999999.999"]),
    "timestamptz": ("timestamptz", "timestamptz '2020-01-01 00:00:00+00' + i * interval '1 minute'", ["2024-02-29 12:13:14.000015+00"]),
    "bool": ("boolean", "i % 3 = 0", ["true", "false"]),
    "double": ("double precision", "i * 0.25::float8", ["0.1", "NaN", "-Infinity", "1e+300"]),
    "jsonb": ("jsonb", "('{\"a\": ' || i || '}')::jsonb", ['{"b": [1, "é", null]}', "null", "[]"]),
    "ints": ("int[]", "('{' || i || ',NULL}')::int[]", ["{}", "{1,2,3}", "{NULL}"]),
    "uuid": ("uuid", "md5(i::text)::uuid", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    "bytea": ("bytea", "('\\x' || md5(i::text))::bytea", ["\\x", "\\x00ff5c"]),
}
VIEWS = {
    "filter": "SELECT * FROM {t} WHERE g % 3 = 1",
    "grouped": "SELECT g, count(*) AS c, count(x) AS cx, sum(x) AS s, min(id) AS mn, max(x) AS mx FROM {t} GROUP BY g",
    "different": "SELECT DISTINCT g, x % 10 AS m FROM {t}",
    "joined": "SELECT a.id, a.g, b.x FROM {t} a LEFT JOIN {u} b ON a.id = b.id",
    "missing": "SELECT id, g, x FROM {t} a WHERE NOT EXISTS (SELECT 1 FROM {u} b WHERE b.id = a.id AND b.x > a.x)",
    "top": "SELECT id, g, x FROM {t} ORDER BY x DESC NULLS LAST, id, g LIMIT 10",
    "ranked": "SELECT id, g, x, rank() OVER (PARTITION BY g ORDER BY x, id) AS r FROM {t} WHERE g < 9",
    "remaining": "SELECT id, g FROM {t} EXCEPT ALL SELECT id, g FROM {u}",
}


class Lost(Exception):
    """The connection, with the server."""


def rows(connection, query):
    """As COPY gives them, in order: texts of every type at once."""
    out = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT", out)
    return sorted(out.getvalue().split(b"\n"))


def rows_in_time(connection, query, patient):
    """Also of a view for which there was no memory, once there is."""
    end = time.monotonic() + 60
    while True:
        try:
            return rows(connection, query)
        except psycopg2.errors.OutOfMemory:
            if not patient or time.monotonic() > end:
                raise
            time.sleep(0.5)


def run(connection, sql, data=None):
    try:
        with connection.cursor() as cursor:
            if data is None:
                cursor.execute(sql)
            else:
                cursor.copy_expert(sql, io.StringIO(data, newline=""))
            return cursor.rowcount
    except psycopg2.Error as fault:
        if fault.pgcode is None or isinstance(fault, psycopg2.InterfaceError):
            raise Lost from fault
        raise


def copied(text):
    return "".join({"\\": "\\\\", "\t": "\\t", "\n": "\\n"}.get(letter, letter) for letter in text)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class Table:
    def __init__(self, name, chance):
        self.name, self.chance, self.next_id = name, chance, 0
        kinds = ["wide"] * 3 if chance.random() < 0.3 else chance.sample(sorted(TYPES), chance.randrange(7))
        self.columns = [(f"c{number}", kind) for number, kind in enumerate(kinds)]
        self.key = chance.choice(["", ", PRIMARY KEY (id)", ", PRIMARY KEY (id, g)", ", UNIQUE (id, x)"])
        self.wide = "wide" in kinds

    def create(self):
        parts = [f"{name} {TYPES[kind][0]}" + self.chance.choice(["", f" DEFAULT {quoted(TYPES[kind][2][0])}"]) for name, kind in self.columns]
        return f"CREATE TABLE {self.name} ({', '.join(['id bigint', 'g int', 'x int', *parts])}{self.key})"

    def insert(self):
        given = [column for column in self.columns if self.chance.random() < 0.8]
        names = ", ".join(["id", "g", "x", *(name for name, _ in given)])
        count = self.chance.choice([1, 3, 200] if self.wide else [1, 3, 100, 2048, 2049, 4000] * 2 + [50_001])
        first = self.next_id if self.chance.random() < 0.8 else self.chance.randrange(self.next_id + 1)
        self.next_id = max(self.next_id, first + count)
        if count < 10 or self.chance.random() < 0.5:
            values = [self.values(identity, given) for identity in range(first, first + min(count, 2049))]
            if count > 10:
                lines = ("\t".join("\\N" if value is None else copied(value) for value in row) for row in values)
                return f"COPY {self.name} ({names}) FROM STDIN", "\n".join(lines) + "\n"
            texts = (", ".join("NULL" if value is None else quoted(value) for value in row) for row in values)
            return f"INSERT INTO {self.name} ({names}) VALUES {', '.join(f'({text})' for text in texts)}", None
        sources = ", ".join(["i", f"(i % {self.chance.choice([7, 50, 1000])})::int", "CASE WHEN i % 11 > 1 THEN (i * 37 % 1000)::int END",
                             *(f"CASE WHEN i % 5 > 0 THEN {TYPES[kind][1]} END" for _, kind in given)])
        return f"INSERT INTO {self.name} ({names}) SELECT {sources} FROM generate_series({first}, {first + count - 1}) AS s(i)", None

    def values(self, identity, given):
        more = [self.chance.choice([None, *TYPES[kind][2]]) for _, kind in given]
        return [str(identity), str(identity % 50), self.chance.choice([None, "0", "-5", "2147483647"]), *more]

    def change(self):
        some = self.chance.randrange(self.next_id + 1)
        where = self.chance.choice([f"id = {some}", f"id % {self.chance.choice([2, 3, 7, 100])} = 1", f"g = {some % 50}",
                                    f"id BETWEEN {some} AND {some + 3000}", "x IS NULL", f"id < {some}", "true"])
        what = self.chance.choice(["delete", "x", "id"])
        if what == "delete":
            return f"DELETE FROM {self.name} WHERE {where}", None
        if what == "x":
            return f"UPDATE {self.name} SET x = NULL WHERE {where}", None
        shift = self.next_id + 1  # past all others, since PostgreSQL looks at keys row by row
        self.next_id *= 2
        self.next_id += 2
        return f"UPDATE {self.name} SET id = id + {shift} WHERE {where}", None


class Work:
    """What one seed does. Tables, views and indexes are made at once, rows come and go."""

    def __init__(self, test, seed, theirs):
        self.test, self.chance, self.theirs = test, random.Random(seed), theirs
        self.mine, self.doubtful, self.noted = None, None, []
        self.tables = [Table(f"t{number}", self.chance) for number in range(4)]
        self.views = list(VIEWS)
        self.did = collections.Counter()

    def define(self):
        for table in self.tables:
            sql = table.create()
            run(self.mine, sql)
            run(self.theirs, sql)
        for name, query in VIEWS.items():
            t, u = self.chance.sample(self.tables, 2)
            query = query.format(t=t.name, u=u.name)
            run(self.mine, f"CREATE MATERIALIZED VIEW {name} AS {query}")
            run(self.theirs, f"CREATE VIEW {name} AS {query}")
        for table in self.tables[:2]:
            run(self.mine, f"CREATE INDEX ON {table.name} ({self.chance.choice(['g', 'id', 'g, id'])})")
        self.theirs.commit()

    def statement(self):
        table = self.chance.choice(self.tables)
        return table.insert() if self.chance.random() < 0.6 else table.change()

    def step(self):
        block = self.chance.random() < 0.4
        statements = [self.statement() for _ in range(self.chance.randrange(2, 5) if block else 1)]
        keep = not block or self.chance.random() < 0.8
        wanted = self.expected(statements)  # PostgreSQL's transaction stays open
        self.doubtful = None if block else statements
        refused = None
        try:
            if block:
                run(self.mine, "BEGIN")
            for statement in statements:
                run(self.mine, *statement)
            if block:
                self.doubtful = statements if keep else None
                run(self.mine, "COMMIT" if keep else "ROLLBACK")
        except psycopg2.Error as fault:
            refused = fault.pgcode
            if block:
                run(self.mine, "ROLLBACK")
        self.doubtful = None
        self.did["statements"] += len(statements)
        self.did[f"refused {refused}"] += refused is not None
        # A transaction cannot read a table again into which it has loaded much. A vector of 2,048 wide rows is
        # larger than what the engine has here.
        excused = (block and refused == "55000") or (self.wide() and refused == "53200")
        if refused == wanted or (refused is None and not keep) or excused:
            (self.theirs.commit if keep and refused is None else self.theirs.rollback)()
        else:
            self.test.fail(f"{[sql[:300] for sql, _ in statements]}: {refused} and not {wanted}")

    def wide(self):
        return any(table.wide for table in self.tables)

    def expected(self, statements):
        try:
            for statement in statements:
                run(self.theirs, *statement)
        except psycopg2.Error as fault:
            self.theirs.rollback()
            return fault.pgcode
        return None

    def difference(self):
        """The first query whose answers differ, and the rows; None if all are the same."""
        queries = [f"SELECT * FROM {table.name}" for table in self.tables] + [f"SELECT * FROM {view}" for view in self.views]
        for table in self.tables:
            queries += [f"SELECT count(*), sum(x) FROM {table.name}",
                        f"SELECT id, g, x FROM {table.name} WHERE g = 7 AND id IN (7, 57, 2057)",
                        f"SELECT id, x FROM {table.name} WHERE id = {table.next_id // 2}", f"SELECT id FROM {table.name} WHERE g = 3"]
        for query in queries:
            mine, wanted = rows_in_time(self.mine, query, self.wide()), rows(self.theirs, query)
            if mine != wanted:
                more, less = collections.Counter(mine) - collections.Counter(wanted), collections.Counter(wanted) - collections.Counter(mine)
                return f"{query}: {len(mine) - 1} rows and not {len(wanted) - 1}; too many {str(list(more)[:3])[:600]}, too few {str(list(less)[:3])[:600]}"
        return None

    def compare(self, what):
        self.did["comparisons"] += 1
        found = self.difference()
        if found and self.doubtful:
            what += f", and with the statement that was cut off; without it {found}"
            self.expected(self.doubtful)
            found = self.difference()
        self.test.assertIsNone(found, what)
        self.doubtful = None
        self.theirs.commit()
        for time, relation, then in self.noted:
            self.test.assertEqual(rows(self.mine, f"SELECT * FROM {relation} AS OF {time}"), then, f"{what}: {relation} AS OF {time}")

    def note(self):
        table = self.chance.choice(self.tables).name
        with self.mine.cursor() as cursor:
            cursor.execute(f"SELECT mz_now()::text FROM (SELECT count(*) FROM {table}) AS one")
            (time,) = cursor.fetchone()
        self.noted = [*self.noted[-2:], (time, table, rows(self.theirs, f"SELECT * FROM {table}"))]


class RandomWork(harness.OwnServers):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="pg-")
        cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
        cls.postgres = postgres.Postgres(pathlib.Path(folder))
        cls.addClassCleanup(cls.postgres.stop)

    def connect(self, server):
        connection = psycopg2.connect(host=server.host, port=server.port, user="materialize", dbname="materialize")
        connection.autocommit = True
        self.addCleanup(connection.close)
        return connection

    def connect_to_postgres(self, schema):
        connection = psycopg2.connect(host=str(self.postgres.folder), user="postgres", dbname="postgres", options=f"-c search_path={schema}")
        self.addCleanup(connection.close)
        run(connection, f"CREATE SCHEMA {schema}")
        return connection

    def settings(self, chance):
        return ["--memory-limit", chance.choice(["512MB", "1GB"]), "--view-memory-limit", "200MB", "--threads", chance.choice(["1", "2", "4"]),
                "--retain-history-ms", "3600000"]

    def test_rows_are_those_of_postgresql_after_every_end(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                self.work(seed)

    def work(self, seed):
        work = Work(self, seed, self.connect_to_postgres(f"seed{seed}"))
        server = self.server(*self.settings(work.chance))
        for number in range(ROUNDS):
            work.mine = self.connect(server)
            if number == 0:
                work.define()
            else:
                work.compare(f"seed {seed}, after end {number}")
            work.note()
            kill = number % 2 == 0
            try:
                for step in range(STEPS):
                    if kill and step == STEPS - 1:
                        threading.Timer(work.chance.uniform(0, 0.05), server.kill).start()
                        while True:
                            work.step()
                    work.step()
            except Lost:
                self.assertTrue(kill, "nobody has killed the server:\n" + server.log()[-3000:])
                work.theirs.rollback()
            if not kill:
                work.compare(f"seed {seed}, before end {number}")
                self.assertEqual(server.terminate(60), 0)
            server.process.wait(20)
            server.arguments = self.settings(work.chance)
            server.launch()
            server.wait_ready()
        work.mine = self.connect(server)
        work.compare(f"seed {seed}, at the end")
        print(f"seed {seed}: {dict(work.did)}")


if __name__ == "__main__":
    harness.main()
