#!/usr/bin/python3
"""What of the engine a user reaches by name: every function, table function, pragma, type, setting
and relation that an engine of this version knows is tried through a session, in every corner of SQL
that takes such a name. What is not in engine_names.txt must be refused there."""

import json
import re
import unittest

import harness
import wire

ALLOWED = harness.ROOT / "tests" / "e2e" / "engine_names.txt"
# Names that never look like a call to SQL: operators and the engine's own spellings of them.
WORD = re.compile(r"^[a-z_][a-z0-9_]*$")

# %s is a call; each must be refused because of it.
CORNERS = [
    "SELECT %s", "SELECT 1 WHERE %s IS NULL", "SELECT 1 ORDER BY %s", "SELECT count(*) HAVING %s IS NULL",
    "SELECT 1 GROUP BY %s", "VALUES (%s)", "SELECT (SELECT %s)", "SELECT 1 WHERE EXISTS (SELECT %s)",
    "WITH a AS (SELECT %s) SELECT * FROM a", "SELECT * FROM (SELECT %s) x", "SELECT upper((%s)::text)",
    "SELECT CASE WHEN true THEN %s END", "SELECT * FROM generate_series(1, %s)", "SELECT * FROM unnest(ARRAY[%s])",
    "SELECT (%s)::text", "SELECT ARRAY[%s]", "SELECT ARRAY(SELECT %s)", "SELECT max(%s)", "SELECT count(*) FILTER (WHERE %s IS NULL)",
    "SELECT sum(1) OVER (ORDER BY %s)", "SELECT 1 LIMIT %s", "SELECT 1 UNION SELECT %s",
    "CREATE VIEW v_no AS SELECT %s", "CREATE TABLE t_no AS SELECT %s", "CREATE TABLE t_no (a text DEFAULT %s)",
    "INSERT INTO t SELECT %s", "INSERT INTO t VALUES (%s)", "UPDATE t SET a = %s", "DELETE FROM t WHERE a = %s",
    "COPY (SELECT %s) TO STDOUT", "SELECT * FROM t JOIN t u ON %s IS NULL", "SELECT * FROM t, LATERAL (SELECT %s) x",
    "PREPARE p_no AS SELECT %s", "DECLARE c_no CURSOR FOR SELECT %s", "SELECT pg_catalog.%s",
]
FROM_CORNERS = [
    "SELECT * FROM %s", "SELECT * FROM %s AS x(a)", "SELECT * FROM t, %s", "SELECT * FROM t LEFT JOIN %s ON true",
    "SELECT (SELECT count(*) FROM %s)", "WITH a AS (SELECT * FROM %s) SELECT * FROM a", "CREATE VIEW v_no AS SELECT * FROM %s",
    "COPY (SELECT * FROM %s) TO STDOUT", "INSERT INTO t SELECT 'x' FROM %s", "SELECT * FROM LATERAL %s",
    "SELECT * FROM pg_catalog.%s", "SELECT * FROM %s WITH ORDINALITY",
]


def allowed():
    """section -> names"""
    sections, names = {}, None
    for line in ALLOWED.read_text().splitlines():
        if line.startswith("["):
            names = sections.setdefault(line.strip("[]"), set())
        elif line and not line.startswith("#"):
            names.update(line.split())
    return sections


class EngineNames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = json.loads(harness.node("e2e/engine_names.mjs"))
        cls.allowed = allowed()
        cls.server = harness.Server()
        cls.addClassCleanup(cls.server.close)
        cls.connection = cls.server.wire()
        cls.addClassCleanup(cls.connection.close)
        cls.connection.query("CREATE TABLE t (a text)")

    def state(self, sql):
        """The SQLSTATE of the refusal; nothing where it was accepted."""
        try:
            self.connection.query(sql)
        except wire.Fault as fault:
            return fault.sqlstate
        for kind, name in (("VIEW", "v_no"), ("TABLE", "t_no")):
            self.connection.query(f"DROP {kind} IF EXISTS {name}")
        return None

    def refused(self, corner, call, states):
        sql = corner % call
        if "generate_series" not in corner and sql.startswith("DECLARE"):
            sql = f"BEGIN; {sql}"
        state = self.state(sql)
        if sql.startswith("BEGIN"):
            self.connection.query("ROLLBACK")
        if state not in states:
            self.wrong.append(f"{sql}: {state}")

    def setUp(self):
        self.wrong = []

    def tearDown(self):
        self.assertEqual([], self.wrong, f"{len(self.wrong)} names of the engine reach users")

    def test_functions_that_are_not_listed_do_not_exist(self):
        listed = self.allowed["functions"]
        unlisted = [name for name in self.names["functions"] if WORD.match(name) and name not in listed]
        self.assertGreater(len(unlisted), 100)
        for name in unlisted:
            for corner in CORNERS[:1] + CORNERS[-1:]:
                self.refused(corner, f"\"{name}\"('x')", ("42883",))
            for arguments in ("", "1", "1, 2", "NULL", "'x', 'y', 'z'"):
                self.refused("SELECT %s", f"\"{name}\"({arguments})", ("42883",))
            self.refused("SELECT * FROM %s", f"\"{name}\"('x')", ("42883",))

    def test_dangerous_ones_are_refused_in_every_corner(self):
        for name in ("getvariable", "nextval", "json_serialize_sql", "current_query", "write_log", "typeof",
                     "sluice_live", "sluice_catalog_text", "which_secret", "json_execute_serialized_sql"):
            for corner in CORNERS:
                # A constant is wanted first of all there, and a window's or a limit's order comes later.
                self.refused(corner, f"{name}('x')", ("42883",))

    def test_table_functions_that_are_not_listed_do_not_exist(self):
        listed = self.allowed["table functions"]
        unlisted = [name for name in self.names["tables"] if name not in listed]
        self.assertGreater(len(unlisted), 60)
        for name in unlisted:
            for corner in FROM_CORNERS:
                self.refused(corner, f"\"{name}\"('x')", ("42883",))
            self.refused("SELECT * FROM %s", f"\"{name}\"()", ("42883",))
            self.refused("SELECT * FROM %s", f"system.main.\"{name}\"('x')", ("3D000", "3F000", "0A000"))
            self.refused("SELECT * FROM main.%s", f"\"{name}\"('x')", ("3F000",))
            self.refused("CALL %s", f"{name}('x')", ("0A000",))

    def test_pragmas_are_no_statements(self):
        for name in self.names["pragmas"] + self.names["tables"]:
            for sql in (f"PRAGMA {name}", f"PRAGMA {name}('x')", f"PRAGMA {name} = 1"):
                self.refused("%s", sql, ("42601",))

    def test_settings_are_not_the_engines(self):
        listed = self.allowed["settings"]
        for name in self.names["settings"]:
            if name.lower() in listed:
                continue
            for sql in (f"SET {name} = 1", f"SET SESSION {name} = '1'", f"BEGIN; SET LOCAL {name} TO 1", f"RESET {name}",
                        f"SHOW {name}", f"SELECT current_setting('{name}')", f"SET \"{name}\" = 1"):
                self.refused("%s", sql, ("42704", "42601") if name == "user" else ("42704",))  # reserved
            self.refused("%s", f"SET GLOBAL {name} = 1", ("42601", "42704"))
            self.refused("%s", f"PRAGMA {name} = 1", ("42601",))

    def test_types_are_not_the_engines(self):
        listed = self.allowed["types"]
        for name in self.names["types"]:
            if name.lower() in listed or not WORD.match(name.lower()):
                continue
            for sql in (f"SELECT NULL::{name}", f"SELECT CAST(NULL AS \"{name}\")", f"CREATE TABLE t_no (a \"{name}\")",
                        f"SELECT NULL::\"{name}\"[]", f"CREATE VIEW v_no AS SELECT NULL::\"{name}\"",
                        f"SELECT * FROM unnest(NULL::\"{name}\"[])", f"ALTER TABLE t ADD COLUMN b \"{name}\""):
                self.refused("%s", sql, ("42704", "42601", "0A000"))

    def test_relations_are_not_the_engines(self):
        listed = self.allowed["relations"]
        for name in self.names["relations"]:
            if name not in listed:
                self.refused("SELECT * FROM %s", f"\"{name}\"", ("42P01",))

    def test_statements_are_not_the_engines(self):
        for sql in ("ATTACH 'x.db' AS y", "DETACH y", "INSTALL httpfs", "LOAD httpfs", "FORCE INSTALL x", "UPDATE EXTENSIONS",
                    "EXPORT DATABASE 'x'", "IMPORT DATABASE 'x'", "CHECKPOINT", "FORCE CHECKPOINT", "USE memory",
                    "VACUUM", "DESCRIBE t", "SUMMARIZE t", "PIVOT t ON a", "FROM t", "CREATE MACRO f(x) AS 1",
                    "CREATE FUNCTION f(x) AS 1", "CREATE SEQUENCE s", "CREATE TYPE e AS ENUM ('a')", "SET VARIABLE x = 1",
                    "COMMENT ON TABLE t IS 'x'", "CREATE PERSISTENT SECRET s (TYPE s3)", "COPY t TO 'x.csv'",
                    "COPY t FROM 'x.csv'", "COPY t TO PROGRAM 'x'", "SELECT * FROM 'x.csv'", "SELECT * FROM t AT (VERSION => 1)",
                    "CALL pragma_version()", "SELECT * FROM read_csv('/etc/passwd', header = true)"):
            self.assertIsNotNone(self.state(sql), sql)


if __name__ == "__main__":
    harness.main()
