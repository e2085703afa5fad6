#!/usr/bin/python3
"""Materialized views: after every statement the rows of each are those of its query."""

import csv
import pathlib
import random
import shutil
import tempfile
import threading
import time

import harness
import psycopg2
from wire import wait_until

SEED = int(time.time())


def rows(connection, sql):
    return sorted(connection.rows(sql), key=repr)


def state(connection, view):
    """Phase and error of a view as mz_internal tells them."""
    (found,) = connection.rows(
        "SELECT s.phase, s.error FROM mz_internal.mz_materialized_view_statuses s "
        f"JOIN mz_materialized_views v ON v.id = s.object_id WHERE v.name = '{view}'")
    return tuple(found)


# Each over t(k, v, word) and u(k, name); `of_view` over the first of them.
QUERIES = {
    "sums": "SELECT k, sum(v) AS total, count(*) AS n, count(word) AS words FROM t GROUP BY k",
    "filtered": "SELECT v * 2 AS twice, upper(word) AS loud FROM t WHERE v > 20 OR word IS NULL",
    "joined": "SELECT t.v, u.name FROM t JOIN u ON t.k = u.k WHERE t.v <> 7",
    "outer_joined": "SELECT t.k, t.word, u.name FROM t FULL JOIN u ON t.k = u.k AND t.v > 10",
    "extremes": "SELECT k, min(v) AS low, max(word) AS high, avg(v) AS mean FROM t GROUP BY k HAVING count(*) > 1",
    "top": "SELECT k, v, word FROM t ORDER BY v DESC, k, word LIMIT 5",
    "missing": "SELECT k FROM t EXCEPT SELECT k FROM u",
    "correlated": "SELECT u.k, (SELECT max(v) FROM t WHERE t.k = u.k) AS most FROM u "
                  "WHERE EXISTS (SELECT 1 FROM t WHERE t.k = u.k)",
    "ranked": "SELECT k, v, row_number() OVER (PARTITION BY k ORDER BY v, word, k) AS place FROM t",
    "everything": "SELECT count(*) AS n, sum(v) AS total FROM t",
    "of_view": "SELECT total % 3 AS rest, sum(n) AS n FROM sums GROUP BY 1",
    "of_plain": "SELECT name, total FROM named WHERE total > 30",
}


def random_statement(chance):
    k, v = chance.choice(["NULL", *range(6)]), chance.randrange(60)
    word = chance.choice(["NULL", "'a'", "'b'", "'ä ß'", "''"])
    return chance.choice([
        f"INSERT INTO t VALUES ({k}, {v}, {word})",
        f"INSERT INTO t VALUES ({k}, {v}, {word}), ({k}, {v}, {word}), (1, 7, NULL)",
        f"INSERT INTO t SELECT k, v + 1, word FROM t WHERE v = {v}",
        f"DELETE FROM t WHERE v = {v} OR k = {chance.randrange(40)}",
        f"UPDATE t SET v = v + 1, word = {word} WHERE k = {chance.randrange(6)}",
        f"UPDATE t SET k = {k} WHERE v < 5",
        f"INSERT INTO u VALUES ({k}, 'name {v}')",
        f"DELETE FROM u WHERE k = {chance.randrange(6)}",
        f"UPDATE u SET name = name || '!' WHERE k = {chance.randrange(6)}",
        "DELETE FROM t WHERE v > 55",
    ])


class Views(harness.ServerTest):
    def make(self, schema):
        """t, u and every view, in a schema of their own."""
        self.sql.query(f"CREATE SCHEMA {schema}")
        self.sql.query(f"SET search_path = {schema}")
        self.sql.query("CREATE TABLE t (k int, v int NOT NULL, word text)")
        self.sql.query("CREATE TABLE u (k int, name text)")
        for name, query in QUERIES.items():
            if name == "of_plain":
                self.sql.query("CREATE VIEW named AS SELECT u.name, s.total FROM u JOIN sums s USING (k)")
            self.sql.query(f"CREATE MATERIALIZED VIEW {name} AS {query}")

    def check(self, after):
        for name, query in QUERIES.items():
            self.assertEqual(rows(self.sql, f"SELECT * FROM {name}"), rows(self.sql, query), f"{name} after {after}")

    def test_after_every_statement_each_view_is_its_query(self):
        print(f"seed {SEED}")
        chance = random.Random(SEED)
        self.make("every")
        for _ in range(40):
            statement = random_statement(chance)
            if chance.randrange(4) > 0:
                self.sql.query(statement)
            else:
                statement += "; " + random_statement(chance)
                end = chance.choice(["COMMIT", "ROLLBACK"])
                self.sql.query(f"BEGIN; {statement}; {end}")
                statement += "; " + end
            self.check(statement)

    def test_a_block_reads_views_at_its_own_time(self):
        self.make("block")
        self.sql.query("INSERT INTO t VALUES (1, 10, 'a')")
        self.sql.query("BEGIN")
        before = rows(self.sql, "SELECT * FROM sums")
        self.sql.query("INSERT INTO t VALUES (1, 10, 'b')")
        with self.server.wire() as other:
            other.query("INSERT INTO block.t VALUES (2, 20, 'c')")
        self.assertEqual(rows(self.sql, "SELECT * FROM sums"), before, "without its own writes, and others'")
        self.sql.query("COMMIT")
        self.check("the commit")

    def test_psql_shows_them(self):
        self.sql.query("CREATE SCHEMA shown")
        self.sql.query("CREATE TABLE shown.t (a int)")
        self.sql.query("CREATE MATERIALIZED VIEW shown.v (b) WITH (ASSERT NOT NULL b) AS SELECT a FROM shown.t")
        said = self.server.psql("-c", "SET search_path = shown", "-c", "\\d", "-c", "\\dm", "-c", "\\d v",
                                "-c", "SHOW MATERIALIZED VIEWS", "-c", "SHOW CREATE MATERIALIZED VIEW v").stdout
        self.assertIn("| materialized view |", said)
        self.assertIn('Materialized view "shown.v"', said)
        self.assertRegex(said, r" v +\| quickstart \|")
        self.assertIn('CREATE MATERIALIZED VIEW "materialize"."shown"."v" ("b") IN CLUSTER "quickstart" WITH '
                      '(ASSERT NOT NULL = "b", REFRESH = ON COMMIT) AS SELECT a FROM shown.t', said)
        # What it shows makes the same view again.
        create = self.sql.value("SELECT create_sql FROM mz_materialized_views WHERE name = 'v'")
        self.sql.query("DROP MATERIALIZED VIEW shown.v")
        self.sql.query(create)
        self.assertEqual(self.sql.value("SELECT type FROM mz_objects WHERE name = 'v'"), "materialized-view")

    def test_a_driver_uses_them_in_transactions(self):
        with psycopg2.connect(host=self.server.host, port=self.server.port, user="materialize",
                              dbname="materialize") as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE driven (a int, b text)")
            cursor.execute("CREATE MATERIALIZED VIEW by_b AS SELECT b, sum(a) AS s FROM driven GROUP BY b")
            connection.commit()
            for a in range(20):
                cursor.execute("INSERT INTO driven VALUES (%s, %s)", (a, f"b{a % 3}"))
                connection.commit()
                cursor.execute("SELECT s FROM by_b WHERE b = %s", (f"b{a % 3}",))
                self.assertEqual(cursor.fetchone()[0], sum(x for x in range(a + 1) if x % 3 == a % 3))
                connection.commit()
        connection.close()

    def test_names_and_dependencies(self):
        sql = self.sql
        sql.query("CREATE SCHEMA names; SET search_path = names; CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        sql.query("CREATE MATERIALIZED VIEW a AS SELECT a FROM t; CREATE VIEW b AS SELECT * FROM a")
        sql.query("CREATE MATERIALIZED VIEW c AS SELECT a + 1 AS a FROM b")
        fault = self.assert_fault("DROP TABLE t", "2BP01", 'cannot drop table "t": still depended upon by '
                                  'materialized view "a"')
        self.assertIn("CASCADE", fault.fields["H"])
        self.assert_fault("DROP MATERIALIZED VIEW a", "2BP01", "still depended upon by view")
        self.assert_fault("DROP VIEW a", "42809", '"a" is not a view')
        self.assert_fault("DROP MATERIALIZED VIEW b", "42809", '"b" is not a materialized view')
        self.assert_fault("ALTER MATERIALIZED VIEW a RENAME TO z", "2BP01", "still depended upon")
        self.assert_fault("CREATE OR REPLACE MATERIALIZED VIEW a AS SELECT 2 AS a", "2BP01")
        self.assert_fault("CREATE MATERIALIZED VIEW c AS SELECT 2 AS a", "42P07")
        self.assert_fault("CREATE OR REPLACE VIEW c AS SELECT 2 AS a", "42P07")
        sql.query("CREATE MATERIALIZED VIEW IF NOT EXISTS c AS SELECT 2 AS a")
        sql.query("ALTER MATERIALIZED VIEW c RENAME TO d")
        self.assertEqual(sql.value("SELECT a FROM d"), "2")
        sql.query("CREATE OR REPLACE MATERIALIZED VIEW d AS SELECT a * 100 AS h FROM b")
        sql.query("INSERT INTO t VALUES (5)")
        self.assertEqual(sql.rows("SELECT h FROM d ORDER BY h"), [["100"], ["500"]])
        sql.query("DROP TABLE t CASCADE")
        self.assert_fault("SELECT * FROM d", "42P01")
        # A name that is free again is another view.
        sql.query("CREATE TABLE t (a int); CREATE MATERIALIZED VIEW a AS SELECT a FROM t; INSERT INTO t VALUES (3)")
        self.assertEqual(sql.rows("SELECT * FROM a"), [["3"]])
        sql.query("DROP SCHEMA names CASCADE")

    def test_only_its_query_writes_it(self):
        sql = self.sql
        sql.query("CREATE TABLE w (a int); CREATE MATERIALIZED VIEW wv AS SELECT a FROM w")
        for change in ("INSERT INTO wv VALUES (1)", "UPDATE wv SET a = 1", "DELETE FROM wv", "TRUNCATE wv",
                       "COPY wv FROM STDIN"):
            self.assert_fault(change, "42809", "cannot mutate materialized view 'materialize.public.wv'")

    def test_what_cannot_be_kept_is_refused_by_name(self):
        self.sql.query("CREATE TABLE refused (a int, at timestamptz)")
        for query, words in {
                "SELECT now()": "materialized views do not support now()",
                "SELECT a FROM refused WHERE at > now() - interval '1 day'": "do not support now()",
                "SELECT mz_now() FROM refused": "do not support mz_now() here",
                "SELECT a FROM refused ORDER BY a LIMIT mz_now()": "do not support mz_now() here",
                "SELECT a FROM refused WHERE a = 1 OR at > mz_now()": "do not support mz_now() here",
                "SELECT a FROM refused WHERE mz_now() <> at": "do not support mz_now() here",
                "SELECT current_user": "do not support current_user",
                "SELECT current_setting('TimeZone')": "do not support current_setting()",
                "SELECT 'refused'::regclass": "do not support a cast to regclass",
                "SELECT random() FROM refused": "do not support random()",
                "SELECT name FROM mz_tables": "cannot read the system relation mz_catalog.mz_tables",
                "SELECT a FROM refused LIMIT 1": "LIMIT and OFFSET without ORDER BY",
                "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) "
                "SELECT n FROM r": "WITH RECURSIVE",
        }.items():
            self.assert_fault(f"CREATE MATERIALIZED VIEW never AS {query}", "0A000", words)
        self.assert_fault("CREATE MATERIALIZED VIEW never AS SELECT nope FROM refused", "42703")
        self.assert_fault("CREATE MATERIALIZED VIEW never WITH (ASSERT NOT NULL b) AS SELECT a FROM refused",
                          "42703")
        self.assertEqual(self.sql.rows("SELECT 1 FROM mz_objects WHERE name = 'never'"), [])

    def test_rows_come_and_go_with_time(self):
        sql = self.sql
        sql.query("CREATE TABLE events (id int, at timestamptz, lasts interval)")
        queries = {
            "recent": "SELECT id FROM events WHERE mz_now() <= at + lasts",
            "current": "SELECT id, at FROM events WHERE mz_now() BETWEEN at AND at + lasts",
            "busy": "SELECT id % 5 AS slot, count(*) AS n FROM events WHERE at <= mz_now() AND mz_now() < at + lasts "
                    "GROUP BY 1 HAVING count(*) > 1",
            "again": "SELECT r.id, c.at FROM recent r LEFT JOIN current c USING (id)",
        }
        for name, query in queries.items():
            sql.query(f"CREATE MATERIALIZED VIEW {name} AS {query}")
        chance = random.Random(SEED)
        seen = set()
        until = time.monotonic() + 3
        while time.monotonic() < until:
            sql.query("INSERT INTO events SELECT g, now() + %d * interval '1 ms', %d * interval '1 ms' "
                      "FROM generate_series(1, %d) g" % (chance.randrange(-50, 400), chance.randrange(700),
                                                         chance.randrange(9)))
            if chance.random() < 0.2:
                sql.query(f"DELETE FROM events WHERE id = {chance.randrange(9)}")
            time.sleep(chance.random() / 50)
            for name, query in queries.items():
                sql.query("BEGIN")
                kept, asked = rows(sql, f"SELECT * FROM {name}"), rows(sql, query)
                sql.query("COMMIT")
                self.assertEqual(kept, asked, f"seed {SEED}: {name}")
                seen.add((name, len(kept)))
        self.assertGreater(len(seen), 12, seen)
        # In the end all are gone, though nobody does anything.
        for name in queries:
            wait_until(lambda name=name: sql.rows(f"SELECT * FROM {name}") == [], f"the end of {name}")
        self.assertGreater(int(sql.value("SELECT count(*) FROM events")), 0)
        sql.query("INSERT INTO events VALUES (99, '1950-01-01', '1 day')")
        fault = self.assert_fault("SELECT * FROM recent", "22008", "mz_timestamp out of range")
        self.assertIn("recent", fault.fields.get("D", ""))
        sql.query("DELETE FROM events WHERE id = 99")
        self.assertEqual(sql.rows("SELECT * FROM recent"), [])
        plan = "".join(row[0] + "\n" for row in sql.rows("EXPLAIN MATERIALIZED VIEW busy"))
        self.assertIn("TemporalFilter mz_now() >= #", plan)
        # In other statements it is a value like any other.
        self.assertEqual(sql.rows("SELECT mz_now() BETWEEN now() - interval '1 minute' AND now() + interval '1 minute', "
                                  "abs(extract(epoch FROM mz_now()::timestamptz - now())) < 60, "
                                  "'1970-01-02'::timestamp::mz_timestamp, '1970-01-03'::date::mz_timestamp"),
                         [["t", "t", "86400000", "172800000"]])
        # A timestamp is the millisecond that it lies in, in a constant and in a column.
        self.assertEqual(sql.rows("SELECT at::mz_timestamp = '1000'::mz_timestamp, '1000'::mz_timestamp < at "
                                  "FROM (VALUES ('1970-01-01 00:00:01.0009'::timestamp)) v (at)"), [["t", "f"]])
        self.assert_fault("SELECT '1969-12-31'::timestamp::mz_timestamp", "22008", "mz_timestamp out of range")

    def test_an_error_in_the_data_is_told_until_it_is_gone(self):
        sql = self.sql
        sql.query("CREATE TABLE d (a int, b int); INSERT INTO d VALUES (10, 2)")
        sql.query("CREATE MATERIALIZED VIEW quotients AS SELECT a / b AS q FROM d")
        sql.query("CREATE MATERIALIZED VIEW above AS SELECT sum(q) AS s FROM quotients")
        sql.query("CREATE MATERIALIZED VIEW beside AS SELECT sum(a) AS s FROM d")
        self.assertEqual(sql.rows("SELECT * FROM quotients"), [["5"]])
        for _ in range(2):
            sql.query("INSERT INTO d VALUES (1, 0)")
            fault = self.assert_fault("SELECT * FROM quotients", "22012", "division by zero")
            self.assertIn("public.quotients", fault.fields["D"])
            self.assert_fault("COPY (SELECT * FROM quotients) TO STDOUT", "22012")
            self.assert_fault("SELECT * FROM above", "22012")
            self.assertEqual(sql.rows("SELECT * FROM beside"), [["11"]])
            self.assertEqual(state(sql, "quotients"), ("live", "division by zero"))
            sql.query("DELETE FROM d WHERE b = 0")
            self.assertEqual(sql.rows("SELECT q, s FROM quotients, above"), [["5", "5"]])
            self.assertEqual(state(sql, "quotients"), ("live", None))
        sql.query("CREATE MATERIALIZED VIEW filled WITH (ASSERT NOT NULL b) AS SELECT a, b FROM d")
        sql.query("INSERT INTO d VALUES (3, NULL)")
        self.assert_fault("SELECT * FROM filled", "23502", 'column "b" must not be null')
        sql.query("DELETE FROM d WHERE b IS NULL")
        self.assertEqual(sql.rows("SELECT * FROM filled"), [["10", "2"]])

    def test_what_it_costs_is_shown(self):
        sql = self.sql
        sql.query("CREATE TABLE c (k int, v int); INSERT INTO c SELECT i % 10, i FROM generate_series(1, 100) g(i)")
        sql.query("CREATE MATERIALIZED VIEW costs AS SELECT k, sum(v) AS s FROM c GROUP BY k")
        self.assertEqual(sql.value("SELECT count(*) FROM costs"), "10")
        (view,) = sql.rows("SELECT id FROM mz_materialized_views WHERE name = 'costs'")
        of = f"WHERE object_id = '{view[0]}'"
        self.assertEqual(sql.value(f"SELECT hydrated FROM mz_internal.mz_hydration_statuses {of}"), "t")
        self.assertEqual(
            sql.rows("SELECT phase, error, filled_rows, lag_ms, bytes > 0, complete_at > 0 "
                     f"FROM mz_internal.mz_materialized_view_statuses {of}"),
            [["live", None, "100", "0", "t", "t"]])
        operators = sql.rows("SELECT operator_id, inputs, type, rows, bytes > 0, elapsed_ns > 0, lag_ms, failing "
                             f"FROM mz_internal.mz_materialized_view_operators {of} ORDER BY 1")
        self.assertEqual(operators[1], ["1", "{0}", "Aggregate", "10", "t", "t", "0", "f"])
        plan = [row[0] for row in sql.rows("EXPLAIN MATERIALIZED VIEW costs")]
        self.assertRegex(plan[0], r"^materialize\.public\.costs: live, \d+ k?B$")
        self.assertRegex(plan[2], r"^1: Aggregate sum\(#1\) by #0, from 0  \(10 rows, \d+ k?B, .* ms in all, .* ms last\)$")
        self.assert_fault("EXPLAIN MATERIALIZED VIEW c", "42809")
        _, metrics, _ = self.server.http("GET", "/metrics")
        self.assertRegex(metrics, r"\nsluice_materialized_views_live [1-9]")
        self.assertRegex(metrics, r"\nsluice_materialized_view_bytes [1-9]")

    def test_large_changes_are_waited_for(self):
        sql = self.sql
        sql.query("CREATE TABLE big (k int, v int)")
        sql.query("CREATE MATERIALIZED VIEW bigs AS SELECT k % 1000 AS g, count(*) AS n, sum(v) AS s FROM big GROUP BY 1")
        sql.query("CREATE MATERIALIZED VIEW all_of_them AS SELECT sum(n) AS n, sum(s) AS s FROM bigs")
        # The first statement of a block chooses its time; what only describes one does not.
        for ask in ("SELECT * FROM all_of_them", "EXECUTE asked"):
            sql.query("INSERT INTO big SELECT i, 1 FROM generate_series(1, 120000) AS g(i)")
            sql.query("BEGIN")
            if ask == "EXECUTE asked":
                sql.query("PREPARE asked AS SELECT * FROM all_of_them")
            self.assertEqual(rows(sql, ask), rows(sql, "SELECT count(*), sum(v) FROM big"))
            sql.query("COMMIT")
        sql.copy_in("COPY big FROM STDIN", [b"".join(b"%d\t2\n" % i for i in range(60_000))])
        self.assertEqual(rows(sql, "SELECT * FROM all_of_them"), rows(sql, "SELECT count(*), sum(v) FROM big"))
        sql.query("DELETE FROM big WHERE k % 2 = 0")
        self.assertEqual(rows(sql, "SELECT * FROM bigs"),
                         rows(sql, "SELECT k % 1000, count(*), sum(v) FROM big GROUP BY 1"))

    def test_waiting_for_a_view_ends_with_the_timeout(self):
        sql = self.sql
        sql.query("CREATE TABLE same (k int, v int); INSERT INTO same SELECT 1, i FROM generate_series(1, 20000) AS g(i)")
        sql.query("CREATE MATERIALIZED VIEW endless AS SELECT max(a.v + b.v - c.v) AS n FROM same a, same b, same c "
                  "WHERE a.k = b.k AND b.k = c.k")
        sql.query("SET statement_timeout = '200ms'")
        self.assert_fault("SELECT * FROM endless", "57014", "statement timeout")
        self.assert_fault("COPY (SELECT * FROM endless) TO STDOUT", "57014", "statement timeout")
        sql.query("SET statement_timeout = 0")
        self.assertEqual(state(sql, "endless"), ("filling", None))
        sql.query("INSERT INTO same VALUES (2, 2)")  # nor do writers wait
        sql.query("DROP MATERIALIZED VIEW endless; CREATE MATERIALIZED VIEW short AS SELECT max(k) AS k FROM same")
        self.assertEqual(sql.value("SELECT k FROM short"), "2")


class Exports(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = harness.Server("--local-export-dir", str(cls.folder), "--threads", "2",
                                    "--retain-history-ms", "600000")
        cls.addClassCleanup(cls.server.close)

    def test_times_at_which_it_is_not_right_cannot_be_read(self):
        sql = self.sql
        sql.query("CREATE TABLE early (a int); INSERT INTO early VALUES (1)")
        before = sql.value("SELECT mz_now() FROM early")
        sql.query("CREATE MATERIALIZED VIEW later AS SELECT a FROM early")
        self.assertEqual(sql.rows("SELECT * FROM later"), [["1"]])
        fault = self.assert_fault(f"SELECT * FROM later AS OF {before}", "55000")
        self.assertIn("newer time", fault.fields["H"])
        sql.query("BEGIN; CREATE MATERIALIZED VIEW mine AS SELECT a FROM early")
        fault = self.assert_fault("SELECT * FROM mine", "55000", "in the transaction that creates it")
        self.assertIn("COMMIT", fault.fields["H"])
        sql.query("ROLLBACK")

    def test_an_export_beside_changes_is_the_view_at_the_time_on_record(self):
        sql = self.sql
        sql.query("CREATE TABLE orders (id int, customer int, amount int)")
        sql.query("INSERT INTO orders SELECT i, i % 5000, i % 90 FROM generate_series(1, 40000) AS g(i)")
        query = "SELECT customer, count(*) AS n, sum(amount) AS total FROM orders GROUP BY customer"
        sql.query(f"CREATE MATERIALIZED VIEW by_customer AS {query}")
        stop, ticks, faults = threading.Event(), [], []

        def tick():
            try:
                with self.server.wire() as writer:
                    while not stop.is_set():
                        n = len(ticks)
                        writer.query(f"INSERT INTO orders VALUES ({n}, {n % 5000}, 1); "
                                     f"DELETE FROM orders WHERE id = {n * 7 % 40000}")
                        ticks.append(n)
            except Exception as fault:  # told by the test: a thread has nobody to tell
                faults.append(fault)

        writer = threading.Thread(target=tick)
        writer.start()
        try:
            seen = []
            for run in range(3):
                begun = len(ticks)
                folder = self.folder / f"run{run}"
                sql.query(f"COPY by_customer TO 'file://{folder}' WITH (FORMAT = 'csv')")
                wait_until(lambda: len(ticks) > begun, "a change after the export")
                seen.append(folder)
        finally:
            stop.set()
            writer.join()
        self.assertEqual(faults, [])
        times = [row[0] for row in sql.rows(
            "SELECT logical_time FROM sluice_internal.export_runs ORDER BY started")]
        self.assertEqual(len(set(times)), len(seen))
        for folder, at in zip(seen, times):
            exported = sorted(tuple(row) for path in folder.rglob("*.csv") for row in csv.reader(path.open()))
            for source in ("by_customer", f"({query})"):
                then = sql.rows(f"SELECT * FROM {source} AS x AS OF {at}")
                self.assertEqual(exported, sorted(tuple(row) for row in then), source)


class Restarts(harness.OwnServers):
    def test_views_are_right_after_a_kill_under_load(self):
        server = self.server()
        with server.wire() as sql:
            sql.query("CREATE TABLE log (id int, amount int); CREATE TABLE names (id int, name text)")
            sql.query("INSERT INTO names SELECT i, 'n' || i FROM generate_series(0, 9) AS g(i)")
            sql.query("CREATE MATERIALIZED VIEW totals AS SELECT n.name, count(*) AS n, sum(l.amount) AS s "
                      "FROM log l JOIN names n ON l.id % 10 = n.id GROUP BY n.name")
            sql.query("CREATE MATERIALIZED VIEW grand AS SELECT sum(n) AS n, sum(s) AS s FROM totals")
        for round_number in range(3):
            counts = [0, 0]

            def write(number):
                try:
                    with server.wire() as connection:
                        while True:
                            connection.query(f"INSERT INTO log VALUES ({2 * counts[number] + number}, {number}); "
                                             f"DELETE FROM log WHERE id = {2 * (counts[number] - 5) + number}")
                            counts[number] += 1
                except OSError:
                    pass

            writers = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(2)]
            for writer in writers:
                writer.start()
            wait_until(lambda: min(counts) > 40, "writes", 60)
            if round_number == 2:  # one that the server has only begun with
                with server.wire() as sql:
                    sql.query("CREATE MATERIALIZED VIEW late AS SELECT id, max(amount) AS m FROM log GROUP BY id")
            server.kill()
            for writer in writers:
                writer.join(20)
            server.restart()
            with server.wire() as sql:
                self.assertEqual(rows(sql, "SELECT * FROM totals"), rows(
                    sql, "SELECT n.name, count(*), sum(l.amount) FROM log l JOIN names n ON l.id % 10 = n.id "
                         "GROUP BY n.name"))
                self.assertEqual(rows(sql, "SELECT * FROM grand"), rows(
                    sql, "SELECT count(*), sum(amount) FROM log"))
        with server.wire() as sql:
            self.assertEqual(rows(sql, "SELECT * FROM late"),
                             rows(sql, "SELECT id, max(amount) FROM log GROUP BY id"))
            sql.query("INSERT INTO log VALUES (1000003, 7)")
            self.assertEqual(rows(sql, "SELECT * FROM grand"), rows(sql, "SELECT count(*), sum(amount) FROM log"))
        self.assertEqual(server.terminate(), 0)

    def test_a_view_that_needs_too_much_memory_stops_no_other(self):
        server = self.server("--view-memory-limit", "4MB")
        with server.wire() as sql:
            sql.query("CREATE TABLE wide (id int, text text)")
            sql.query("CREATE MATERIALIZED VIEW small AS SELECT count(*) AS n FROM wide")
            sql.query("CREATE MATERIALIZED VIEW large AS SELECT text, count(*) AS n FROM wide GROUP BY text")
            sql.query("CREATE MATERIALIZED VIEW above AS SELECT max(n) AS n FROM large")
            sql.query("INSERT INTO wide SELECT i, 'text ' || i || repeat('.', 200) "
                      "FROM generate_series(1, 40000) AS g(i)")
            wait_until(lambda: state(sql, "large")[0] == "broken", "the limit is reached")
            fault = sql.fault("SELECT * FROM large")
            self.assertEqual(fault.sqlstate, "53200", fault)
            self.assertEqual(sql.fault("SELECT * FROM above").sqlstate, "53200")
            self.assertEqual(sql.rows("SELECT * FROM small"), [["40000"]])
            sql.query("INSERT INTO wide VALUES (0, 'one more')")
            self.assertEqual(sql.rows("SELECT * FROM small"), [["40001"]])
            _, metrics, _ = server.http("GET", "/metrics")
            self.assertRegex(metrics, r"\nsluice_materialized_views_broken [12]\n")
            sql.query("DROP MATERIALIZED VIEW large CASCADE")
            self.assertEqual(sql.value("SELECT count(*) FROM mz_internal.mz_materialized_view_statuses"), "1")


if __name__ == "__main__":
    harness.main()
