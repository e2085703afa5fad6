#!/usr/bin/python3
"""Indexes: a lookup gives what a scan gives, and EXPLAIN says which of the two it is."""

import random
import threading
import time

import harness
import psycopg2
from wire import wait_until

SEED = int(time.time())

# Column, its type, values of few different ones, and a literal of another form for each.
COLUMNS = {
    "i": ("int", [str(n) for n in range(-3, 12)]),
    "b": ("bigint", [str(n * 10**11) for n in range(8)]),
    "s": ("text", ["'a'", "''", "'ä ß'", "'A'", "'a '", "'o''hara'"]),
    "n": ("numeric(10,2)", ["1", "1.00", "2.5", "2.50", "-3", "'4.10'", "7.125"]),
    "u": ("uuid", [f"'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a0{n}'" for n in range(6)]
          + ["'A0EEBC999C0B4EF8BB6D6BB9BD380A01'"]),
    "m": ("timestamp", [f"'2024-01-0{n} 12:00:00'" for n in range(1, 7)] + ["timestamp '2024-01-01 12:00'"]),
    "z": ("timestamptz", [f"'2024-01-0{n} 12:00:00+00'" for n in range(1, 5)]
          + ["'2024-01-01 14:00:00+02'", "'2024-01-02 12:00'"]),
    "d": ("date", [f"'2024-02-0{n}'" for n in range(1, 7)] + ["date '2024-02-03'"]),
    "f": ("double precision", ["0", "-0.0", "1.5", "'NaN'", "2", "1e3"]),
    "t": ("boolean", ["true", "false", "'t'"]),
    "y": ("bytea", ["'\\x00ff'", "'\\x01'", "'abc'"]),
}
KEYS = [["i"], ["b"], ["s"], ["n"], ["u"], ["m"], ["z"], ["d"], ["f"], ["t", "i"], ["y"], ["s", "n"]]


def rows(connection, sql):
    return sorted(connection.rows(sql), key=repr)


def phases(connection):
    return dict(connection.rows("SELECT i.name, s.phase FROM mz_internal.mz_index_statuses s "
                                "JOIN mz_catalog.mz_indexes i ON i.id = s.object_id"))


def wait_until_ready(connection, *names):
    def ready():
        now = phases(connection)
        return all(now.get(name) == "ready" for name in names or now)
    wait_until(ready, "the indexes were not built")


def plan(connection, sql):
    return "\n".join(row[0] or "" for row in connection.rows("EXPLAIN " + sql))


class Indexes(harness.ServerTest):
    def setUp(self):
        super().setUp()
        self.schema = f"s{self.id().rsplit('.', 1)[-1]}"[:50]
        self.sql.query(f"CREATE SCHEMA {self.schema}")
        self.sql.query(f"SET search_path = {self.schema}")

    def uses(self, query, *indexes, connection=None):
        said = plan(connection or self.sql, query)
        for index in indexes:
            self.assertIn(f"  - materialize.{self.schema}.{index} (lookup on ", said)
        if not indexes:
            self.assertNotIn("Used Indexes", said)
        return said

    def test_explain_says_which_index_is_used(self):
        self.sql.query("CREATE TABLE t (k int, v text); CREATE TABLE u (k int, w text)")
        self.sql.query("INSERT INTO t SELECT g % 10, 'v' || g FROM generate_series(1, 100) g")
        self.sql.query("INSERT INTO u VALUES (1, 'one'), (2, 'two')")
        self.sql.query("CREATE INDEX ON t (k)")
        wait_until_ready(self.sql)
        name = f"materialize.{self.schema}"
        self.assertEqual(plan(self.sql, "SELECT * FROM t WHERE k = 5"),
                         f"Explained Query:\n  ReadIndex on={name}.t t_k_idx=[lookup key=(k) rows=10]\n\n"
                         f"Used Indexes:\n  - {name}.t_k_idx (lookup on k)")
        self.assertEqual(plan(self.sql, "SELECT * FROM t WHERE v = 'v5'"),
                         f"Explained Query:\n  ReadStorage {name}.t rows=100")
        self.assertEqual(plan(self.sql, "SELECT 1"),
                         "Explained Query:\n  no rows of tables or materialized views")
        said = self.uses("SELECT * FROM t JOIN u ON t.k = u.k WHERE t.k = 1 AND w > ''", "t_k_idx")
        self.assertIn(f"  ReadStorage {name}.u rows=2", said)

    def test_where_it_is_used_and_where_not(self):
        self.sql.query("CREATE TABLE t (k int, v text); CREATE TABLE u (k int, w text)")
        self.sql.query("INSERT INTO t SELECT g % 100, 'v' || g FROM generate_series(1, 1000) g")
        self.sql.query("INSERT INTO u SELECT g, 'w' || g FROM generate_series(1, 50) g")
        self.sql.query("CREATE TABLE plain AS SELECT * FROM t")
        self.sql.query("CREATE VIEW few AS SELECT v AS word, k AS key FROM t WHERE v <> 'v7'")
        self.sql.query("CREATE VIEW everything (a, b) AS SELECT * FROM t")
        self.sql.query("CREATE VIEW sums AS SELECT k, count(*) AS n FROM t GROUP BY k")
        self.sql.query("CREATE VIEW ranked AS SELECT k, row_number() OVER (ORDER BY v) AS place FROM t")
        self.sql.query("CREATE VIEW first AS SELECT k, v FROM t ORDER BY v LIMIT 3")
        self.sql.query("CREATE VIEW fixed AS SELECT * FROM t WHERE k = 3")
        self.sql.query("CREATE INDEX ON t (k)")
        wait_until_ready(self.sql)
        used = ["SELECT * FROM t WHERE k = 5", "SELECT * FROM t WHERE 5 = k", "SELECT * FROM t WHERE k = '5'",
                "SELECT * FROM t WHERE k IN (1, 2, '3', NULL)", "SELECT * FROM t WHERE k = -5",
                "SELECT * FROM t x WHERE x.k = 5 AND v LIKE '%5'", "SELECT * FROM t x (a, b) WHERE a = 5",
                "SELECT * FROM t WHERE k = 5::bigint", "SELECT * FROM t WHERE k = 100000000000",
                "SELECT v FROM t WHERE k = 5 ORDER BY v LIMIT 2", "SELECT count(*) FROM t WHERE k = NULL",
                "SELECT * FROM u WHERE u.k IN (SELECT k FROM t WHERE k = 5)",
                "WITH x AS (SELECT * FROM t WHERE k = 5) SELECT * FROM x",
                "SELECT * FROM t JOIN u ON t.k = u.k WHERE t.k = 5", "SELECT * FROM t, u WHERE t.k = 5 AND u.k = 7",
                "SELECT * FROM u LEFT JOIN t ON t.k = u.k WHERE t.k = 5",
                "SELECT * FROM t FULL JOIN u ON t.k = u.k WHERE t.k = 5",
                "SELECT * FROM u LEFT JOIN t AS u2 (kk, vv) ON kk = u.k WHERE kk = 7",
                "SELECT * FROM (SELECT k, v FROM t) x WHERE k = 5", "SELECT * FROM (SELECT * FROM t) x WHERE x.k = 5",
                "SELECT * FROM (SELECT DISTINCT k FROM t) x WHERE k = 5",
                "SELECT * FROM few WHERE key = 5", "SELECT * FROM everything WHERE a = 5",
                "SELECT * FROM sums WHERE k = 5", "SELECT * FROM fixed", "SELECT * FROM fixed UNION SELECT * FROM u"]
        not_used = ["SELECT * FROM t WHERE k = 5.5", "SELECT * FROM t WHERE k = 5 OR v = 'v1'",
                    "SELECT * FROM t WHERE NOT k = 5", "SELECT * FROM t WHERE k + 1 = 5", "SELECT * FROM t WHERE k > 5",
                    "SELECT * FROM t WHERE k = 5.0::double precision", "SELECT * FROM t WHERE k IN (1, k)",
                    "SELECT * FROM everything WHERE b = 'v5'", "SELECT * FROM sums WHERE n = 10",
                    "SELECT * FROM ranked WHERE k = 5", "SELECT * FROM first WHERE k = 5",
                    "SELECT * FROM (SELECT k AS v, v AS k FROM t) x WHERE k = 'v5'",
                    "SELECT * FROM (SELECT k FROM t LIMIT 7) x WHERE k = 5",
                    "WITH t AS (SELECT 5 AS k) SELECT * FROM t WHERE k = 5"]
        for query in used:
            self.uses(query, "t_k_idx")
        for query in not_used:
            self.uses(query)
        for query in used + not_used:
            if query.startswith("SELECT * FROM first") or "LIMIT" in query:
                continue  # any rows will do
            with_index = rows(self.sql, query)
            self.sql.query("BEGIN; DROP INDEX t_k_idx")
            self.assertEqual(with_index, rows(self.sql, query), query)
            self.sql.query("ROLLBACK")

    def test_a_random_workload_reads_the_same_with_and_without(self):
        print(f"seed {SEED}")
        chance = random.Random(SEED)
        declared = ", ".join(f"{name} {of}" for name, (of, _) in COLUMNS.items())
        self.sql.query(f"CREATE TABLE t (id int, {declared}); CREATE TABLE plain (id int, {declared})")
        names = []
        for key in KEYS:
            self.sql.query(f"CREATE INDEX ON t ({', '.join(key)})")
            names.append(f"t_{'_'.join(key)}_idx")

        def value(column):
            return "NULL" if chance.random() < 0.1 else chance.choice(COLUMNS[column][1])

        def condition(column):
            if chance.random() < 0.3:
                return f"{column} IN ({', '.join(value(column) for _ in range(3))})"
            return f"{column} = {value(column)}"

        def both(statement):
            self.sql.query("; ".join(statement.replace("TABLE", name) for name in ("plain", "t")))

        used = 0
        for step in range(150):
            what = chance.randrange(6)
            if what < 3:
                new = ", ".join(f"({step}, {', '.join(value(c) for c in COLUMNS)})" for _ in range(chance.randrange(1, 20)))
                both(f"INSERT INTO TABLE VALUES {new}")
            elif what == 3:
                column = chance.choice(list(COLUMNS))
                both(f"UPDATE TABLE SET {column} = {value(column)} WHERE {condition(chance.choice(list(COLUMNS)))}")
            elif what == 4:
                both(f"DELETE FROM TABLE WHERE {condition(chance.choice(list(COLUMNS)))} AND id % 3 = 1")
            elif chance.random() < 0.1:
                # All of them: which of several a LIMIT takes is not the same each time.
                both(f"INSERT INTO TABLE SELECT t.* FROM t, generate_series(1, 25) g "
                     f"WHERE t.id = {chance.randrange(step + 1)}")
            if step % 3 == 0:
                wait_until_ready(self.sql, *names)
            for key in chance.sample(KEYS, 3):
                where = " AND ".join(condition(column) for column in key)
                query = f"SELECT * FROM t WHERE {where}"
                self.assertEqual(rows(self.sql, query), rows(self.sql, query.replace("FROM t", "FROM plain")), query)
                used += "Used Indexes" in plan(self.sql, query)
        self.assertGreater(used, 100, "or nothing was tested")
        self.assertEqual(rows(self.sql, "SELECT * FROM t"), rows(self.sql, "SELECT * FROM plain"))

    def test_inside_a_transaction_its_own_changes_are_seen(self):
        self.sql.query("CREATE TABLE t (k int, v text); CREATE INDEX ON t (k)")
        self.sql.query("INSERT INTO t VALUES (1, 'a'), (1, 'b'), (2, 'c')")
        wait_until_ready(self.sql)
        self.sql.query("BEGIN")
        self.sql.query("INSERT INTO t VALUES (1, 'own'), (3, 'new')")
        self.sql.query("DELETE FROM t WHERE k = 1 AND v = 'a'")
        self.sql.query("UPDATE t SET k = 1 WHERE k = 2")
        with self.server.wire() as other:
            other.query(f"INSERT INTO {self.schema}.t VALUES (1, 'other')")
        self.uses("SELECT v FROM t WHERE k = 1", "t_k_idx")
        self.assertEqual(rows(self.sql, "SELECT v FROM t WHERE k = 1"), [["b"], ["c"], ["own"]])
        self.assertEqual(rows(self.sql, "SELECT v FROM t WHERE k IN (2, 3)"), [["new"]])
        self.sql.query("COMMIT")
        self.assertEqual(rows(self.sql, "SELECT v FROM t WHERE k = 1"), [["b"], ["c"], ["other"], ["own"]])

    def test_older_times_are_read_by_it_too(self):
        self.sql.query("CREATE TABLE t (k int, v text); CREATE INDEX ON t (k)")
        self.sql.query("INSERT INTO t VALUES (1, 'old'), (2, 'two')")
        wait_until_ready(self.sql)
        self.sql.query("BEGIN")  # holds its time
        then = int(self.sql.value("SELECT mz_now()::text"))
        with self.server.wire() as other:
            other.query(f"SET search_path = {self.schema}")
            for n in range(20):
                other.query(f"UPDATE t SET v = 'new {n}' WHERE k = 1")
            other.query("DELETE FROM t WHERE k = 2")
            for key, old, new in ((1, [["old"]], [["new 19"]]), (2, [["two"]], [])):
                query = f"SELECT v FROM t WHERE k = {key}"
                self.assertEqual(other.rows(query), new)
                self.assertEqual(other.rows(f"{query} AS OF {then}"), old)
                self.assertEqual(self.sql.rows(query), old)
                self.uses(f"{query} AS OF {then}", "t_k_idx", connection=other)
        self.sql.query("COMMIT")

    def test_drivers_look_up_with_parameters(self):
        self.sql.query("CREATE TABLE t (k int, s text); CREATE INDEX ON t (k); CREATE INDEX ON t (s)")
        self.sql.query("INSERT INTO t SELECT g, 's' || g % 50 FROM generate_series(1, 500) g")
        wait_until_ready(self.sql)
        self.sql.query("PREPARE by_key AS SELECT s FROM t WHERE k = $1")
        self.sql.query("PREPARE by_text (text) AS SELECT k FROM t WHERE s = $1 AND k < $2")
        self.assertEqual(self.sql.rows("EXECUTE by_key (7)"), [["s7"]])
        self.assertEqual(self.sql.rows("EXECUTE by_key (NULL)"), [])
        self.assertEqual(rows(self.sql, "EXECUTE by_text ('s7', 100)"), [["57"], ["7"]])
        with psycopg2.connect(host=self.server.host, port=self.server.port, user="materialize",
                              dbname="materialize") as connection, connection.cursor() as cursor:
            cursor.execute(f"SET search_path = {self.schema}")
            cursor.execute("EXPLAIN SELECT * FROM t WHERE k = %s", (9,))
            self.assertIn(("Used Indexes:",), cursor.fetchall())
            cursor.execute("SELECT s FROM t WHERE k IN %s", ((9, 10),))
            self.assertEqual(sorted(cursor.fetchall()), [("s10",), ("s9",)])
        connection.close()
        out = self.server.psql("-At", sql=f"SET search_path = {self.schema};\nSELECT s FROM t WHERE k = $1 \\bind 8 \\g\n"
                               "COPY (SELECT s FROM t WHERE k = 5) TO STDOUT;", check=False)
        if out.returncode == 0:  # \bind came with psql 16
            self.assertEqual(out.stdout.splitlines()[1:], ["s8", "s5"])
        copied = self.server.psql("-At", "-c", f"COPY (SELECT s FROM {self.schema}.t WHERE k = 5) TO STDOUT").stdout
        self.assertEqual(copied, "s5\n")

    def test_materialized_views_have_indexes(self):
        self.sql.query("CREATE TABLE t (k int, v int)")
        self.sql.query("CREATE MATERIALIZED VIEW sums AS SELECT k, sum(v) AS total FROM t GROUP BY k")
        self.sql.query("CREATE INDEX ON sums (k)")
        self.sql.query("CREATE DEFAULT INDEX ON sums")
        for n in range(30):
            self.sql.query(f"INSERT INTO t VALUES ({n % 3}, {n})")
        wait_until_ready(self.sql)
        self.uses("SELECT * FROM sums WHERE k = 1", "sums_k_idx")
        self.assertEqual(self.sql.rows("SELECT * FROM sums WHERE k = 1"), [["1", "145"]])
        self.assertEqual(rows(self.sql, "SHOW INDEXES ON sums"),
                         [["sums_k_idx", "sums", "quickstart", "{k}", ""],
                          ["sums_primary_idx", "sums", "quickstart", "{k,total}", ""]])
        self.sql.query("CREATE OR REPLACE MATERIALIZED VIEW sums AS SELECT k, max(v) AS total FROM t GROUP BY k")
        self.assertEqual(self.sql.rows("SHOW INDEXES ON sums"), [])
        self.sql.query("DROP TABLE t CASCADE")

    def test_a_bulk_load_is_entered_beside_commits(self):
        self.sql.query("CREATE TABLE t (k int, v text); CREATE INDEX ON t (k)")
        self.sql.query("INSERT INTO t SELECT g % 5000, 'v' || g FROM generate_series(1, 150000) g")
        self.assertEqual(self.sql.value("SELECT count(*) FROM t WHERE k = 77"), "30")
        wait_until_ready(self.sql)
        self.uses("SELECT count(*) FROM t WHERE k = 77", "t_k_idx")
        self.assertEqual(self.sql.value("SELECT count(*) FROM t WHERE k = 77"), "30")
        self.sql.query("DELETE FROM t WHERE k % 2 = 1")
        self.assertEqual(self.sql.value("SELECT count(*) FROM t WHERE k IN (77, 78)"), "30")
        self.sql.query("UPDATE t SET k = 1 WHERE k = 78")
        self.assertEqual(self.sql.value("SELECT count(*) FROM t WHERE k = 1"), "30")
        # Of so many rows a scan is as cheap.
        self.sql.query("INSERT INTO t SELECT 9999, 'x' FROM generate_series(1, 2000)")
        self.uses("SELECT count(*) FROM t WHERE k = 9999")
        self.assertEqual(self.sql.value("SELECT count(*) FROM t WHERE k = 9999"), "2000")

    def test_names_and_forms(self):
        self.sql.query("CREATE TABLE t (k int, \"Odd name\" text, PRIMARY KEY (k)); CREATE TABLE u (a int, b int)")
        for statement in ("CREATE INDEX ON t (k)", "CREATE INDEX ON t (k)", "CREATE DEFAULT INDEX ON t",
                          "CREATE INDEX named IN CLUSTER quickstart ON t USING ARRANGEMENT (k, \"Odd name\")",
                          "CREATE DEFAULT INDEX own ON u", "CREATE INDEX IF NOT EXISTS named ON t (k)"):
            self.sql.query(statement)
        self.assertEqual(rows(self.sql, "SHOW INDEXES"),
                         [["named", "t", "quickstart", '{k,"Odd name"}', ""], ["own", "u", "quickstart", "{a,b}", ""],
                          ["t_k_idx", "t", "quickstart", "{k}", ""], ["t_k_idx1", "t", "quickstart", "{k}", ""],
                          ["t_primary_idx", "t", "quickstart", "{k}", ""]])
        self.assertEqual(rows(self.sql, "SHOW INDEXES ON u"), [["own", "u", "quickstart", "{a,b}", ""]])
        self.assertEqual(rows(self.sql, f"SHOW INDEXES FROM {self.schema} LIKE 'ow%'"),
                         [["own", "u", "quickstart", "{a,b}", ""]])
        (name, create), = self.sql.rows("SHOW CREATE INDEX named")
        self.assertEqual(name, f"materialize.{self.schema}.named")
        self.assertEqual(create, f'CREATE INDEX "named" IN CLUSTER "quickstart" ON "materialize"."{self.schema}"."t" '
                         '("k", "Odd name")')
        self.sql.query("ALTER INDEX named RENAME TO other; ALTER TABLE t RENAME TO t2")
        self.assertEqual(self.sql.rows("SHOW INDEXES ON t2 LIKE 'other'"),
                         [["other", "t2", "quickstart", '{k,"Odd name"}', ""]])
        self.sql.query(create.replace('"t"', '"t2"'))
        self.assertEqual(self.sql.rows("SELECT type, cluster_id FROM mz_objects WHERE name = 'named'"), [["index", "u1"]])
        self.assertEqual(rows(self.sql, "SELECT index_position, on_position, nullable FROM mz_index_columns c "
                              "JOIN mz_indexes i ON i.id = c.index_id WHERE i.name = 'named'"),
                         [["1", "1", "f"], ["2", "2", "t"]])
        self.sql.query("DROP INDEX named, t_k_idx1")
        self.sql.query("DROP INDEX IF EXISTS named")
        self.sql.query("DROP TABLE t2, u")
        self.assertEqual(self.sql.rows("SHOW INDEXES"), [])

    def test_what_is_refused(self):
        self.sql.query("CREATE TABLE t (k int, j jsonb); CREATE VIEW v AS SELECT k FROM t; CREATE INDEX i ON t (k)")
        self.sql.query("CREATE SECRET hidden AS 'x'")
        for statement, sqlstate, message in (
                ("CREATE INDEX ON t (k + 1)", "0A000", "an expression in CREATE INDEX is not supported"),
                ("CREATE INDEX ON t ((k))", "0A000", "an expression in CREATE INDEX is not supported"),
                ("CREATE INDEX ON t (lower(k))", "0A000", "an expression in CREATE INDEX is not supported"),
                ("CREATE INDEX ON t (k DESC)", "0A000", "DESC in CREATE INDEX is not supported"),
                ("CREATE INDEX ON t (k) WHERE k > 1", "0A000", "WHERE in CREATE INDEX is not supported"),
                ("CREATE UNIQUE INDEX ON t (k)", "0A000", "CREATE UNIQUE"),
                ("CREATE INDEX ON t USING btree (k)", "42704", 'access method "btree" does not exist'),
                ("CREATE INDEX ON t (x)", "42703", 'column "x" does not exist'),
                ("CREATE INDEX ON t (j)", "0A000", 'an index on column "j" of type jsonb is not supported'),
                ("CREATE DEFAULT INDEX ON t", "0A000", 'an index on column "j" of type jsonb is not supported'),
                ("CREATE INDEX ON t", "42601", "syntax error"),
                ("CREATE INDEX ON t ()", "42601", "syntax error"),
                ("CREATE INDEX i ON t (k)", "42P07", 'index "i" already exists'),
                ("CREATE INDEX t ON t (k)", "42P07", 'relation "t" already exists'),
                ("CREATE INDEX ON nowhere (k)", "42P01", 'relation "nowhere" does not exist'),
                ("CREATE INDEX ON v (k)", "0A000", "is not supported"),
                ("CREATE INDEX ON i (k)", "42809", '"i" is an index, not a relation'),
                ("CREATE INDEX ON hidden (k)", "42809", '"hidden" is a secret, not a relation'),
                ("CREATE INDEX ON mz_objects (id)", "42809", "is not a table or materialized view"),
                ("SELECT * FROM i", "42809", '"i" is an index, not a relation'),
                ("DROP INDEX t", "42809", '"t" is not an index'),
                ("DROP INDEX nowhere", "42704", 'index "nowhere" does not exist'),
                ("DROP TABLE i", "42809", '"i" is not a table'),
                ("ALTER INDEX nowhere RENAME TO x", "42704", 'index "nowhere" does not exist'),
                ("SHOW CREATE INDEX t", "42809", '"t" is not an index'),
                ("EXPLAIN ANALYZE SELECT 1", "0A000", "EXPLAIN ANALYZE is not supported"),
                ("EXPLAIN SELECT nowhere FROM t", "42703", 'column "nowhere" does not exist')):
            fault = self.assert_fault(statement, sqlstate, message)
            if statement == "CREATE INDEX ON v (k)":
                self.assertIn("CREATE MATERIALIZED VIEW", fault.fields["H"])
        self.sql.query("DROP TABLE t CASCADE")

    def test_an_index_never_stands_in_the_way(self):
        self.sql.query("CREATE SCHEMA gone; CREATE TABLE gone.t (k int); CREATE INDEX ON gone.t (k)")
        self.sql.query("CREATE TABLE t (k int); CREATE INDEX ON t (k)")
        self.sql.query("DROP TABLE t")
        self.assert_fault("DROP SCHEMA gone", "2BP01")
        self.sql.query("DROP SCHEMA gone CASCADE")
        self.assertEqual(self.sql.rows("SHOW INDEXES"), [])
        self.assertEqual(self.sql.value("SELECT count(*) FROM mz_indexes WHERE on_id NOT IN (SELECT id FROM mz_objects)"), "0")
        self.sql.query("BEGIN; CREATE TABLE n (k int); CREATE INDEX ON n (k); INSERT INTO n VALUES (1)")
        self.assertEqual(self.sql.rows("SELECT * FROM n WHERE k = 1"), [["1"]])
        self.sql.query("COMMIT")
        wait_until_ready(self.sql, "n_k_idx")
        self.assertEqual(self.sql.rows("SELECT * FROM n WHERE k = 1"), [["1"]])

    def test_psql_shows_them(self):
        self.sql.query("CREATE TABLE t (k int PRIMARY KEY, v text); CREATE INDEX own ON t (v, k)")
        said = self.server.psql("-c", f"SET search_path = {self.schema}", "-c", "\\d t", "-c", "\\di", "-c", "\\d own").stdout
        self.assertIn('"own" arrangement (v, k)', said)
        self.assertIn('"t_pkey" PRIMARY KEY, btree (k)', said)
        self.assertRegex(said, r"own +\| index \| materialize \| t")
        self.assertIn(f'Index "{self.schema}.own"', said)
        self.assertIn(f'arrangement, for table "{self.schema}.t"', said)
        self.assertEqual(self.sql.rows(f"SELECT indexdef FROM pg_indexes WHERE indexname = 'own' AND schemaname = '{self.schema}'"),
                         [[f"CREATE INDEX own ON {self.schema}.t USING arrangement (v, k)"]])
        self.assertEqual(self.sql.value("SELECT 'own'::regclass::text"), "own")


class Durable(harness.OwnServers):
    def test_indexes_are_there_after_a_kill_and_right(self):
        server = self.server("--memory-limit", "1GB")
        with server.wire() as sql:
            sql.query("CREATE TABLE t (k int, v int); CREATE INDEX ON t (k)")
            sql.query("INSERT INTO t SELECT g % 100, 0 FROM generate_series(1, 60000) g")
        stop = threading.Event()

        def write():
            try:
                with server.wire() as sql:
                    n = 0
                    while not stop.is_set():
                        n += 1
                        sql.query(f"UPDATE t SET v = {n} WHERE k = {n % 100}")
            except (OSError, EOFError, AssertionError):
                pass
        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(2)
        server.kill()
        stop.set()
        writer.join()
        server.restart()
        with server.wire() as sql:
            for _ in range(2):
                for key in (1, 50, 99):
                    of_index = rows(sql, f"SELECT v, count(*) FROM t WHERE k = {key} GROUP BY v")
                    self.assertEqual(of_index, rows(sql, f"SELECT v, count(*) FROM t WHERE k + 0 = {key} GROUP BY v"))
                    self.assertEqual(sum(int(n) for _, n in of_index), 600)
                wait_until_ready(sql, "t_k_idx")
            self.assertIn("Used Indexes", plan(sql, "SELECT * FROM t WHERE k = 1"))

    def test_past_its_memory_an_index_is_out_of_use_and_says_so(self):
        server = self.server("--memory-limit", "256MB")
        with server.wire() as sql:
            sql.query("CREATE TABLE t (k bigint); CREATE INDEX ON t (k)")
            sql.query("INSERT INTO t SELECT g FROM generate_series(1, 1200000) g")
            wait_until(lambda: phases(sql)["t_k_idx"] == "out of use", "the index had memory enough")
            self.assertIn("t_k_idx is out of use: the keys of all indexes may take 25 MB",
                          plan(sql, "SELECT * FROM t WHERE k = 5"))
            self.assertEqual(sql.rows("SELECT * FROM t WHERE k = 5"), [["5"]])
            sql.query("INSERT INTO t VALUES (5)")
            self.assertEqual(sql.rows("SELECT count(*) FROM t WHERE k = 5"), [["2"]])
            sql.query("INSERT INTO t SELECT g FROM generate_series(1, 3000000) g")
            fault = sql.fault("CREATE INDEX ON t (k)")
            self.assertEqual(fault.sqlstate, "53200")
            status, text, _ = server.http("GET", "/metrics")
            self.assertEqual(status, 200)
            self.assertIn("sluice_index_bytes 0\n", text)


if __name__ == "__main__":
    harness.main()
