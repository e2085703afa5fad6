#!/usr/bin/python3
"""PROFILE: the form of each type in Parquet files, as readers see it that share nothing with the writer, and what is said of it.
That no value is lost on the way is test_parquet_values.py's subject."""

import json
import pathlib
import shutil
import tempfile
import unittest

import harness
import wire

WAREHOUSES = ["snowflake", "bigquery", "redshift", "databricks"]

# (name, type, values as Sluice reads them). NULL is added to each.
COLUMNS = [
    ("bo", "boolean", ["true", "false"]),
    ("si", "smallint", ["-32768", "32767"]),
    ("i", "integer", ["-2147483648", "2147483647"]),
    ("bi", "bigint", ["-9223372036854775808", "9223372036854775807"]),
    ("u2", "uint2", ["0", "65535"]),
    ("u4", "uint4", ["0", "4294967295"]),
    ("u8", "uint8", ["0", "18446744073709551615"]),
    ("re", "real", ["-Infinity", "1.5"]),
    ("dp", "double precision", ["Infinity", "0.1"]),
    ("nu", "numeric", ["-1234567890123456789012345678.0123456789", "0"]),
    ("n9", "numeric(9,2)", ["-9999999.99", "9999999.99"]),
    ("n18", "numeric(18,3)", ["-999999999999999.999", "0.001"]),
    ("n38", "numeric(38,38)", ["0." + "9" * 38, "-0." + "0" * 37 + "1"]),
    ("da", "date", ["1969-12-31", "9999-12-31"]),
    ("ti", "time", ["00:00:00", "23:59:59.999999"]),
    ("ts", "timestamp", ["1969-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"]),
    ("tz", "timestamptz", ["1969-12-31 23:59:59.999999+00", "2024-06-01 12:00:00+02"]),
    ("ba", "bytea", ["\\x", "\\x00ff"]),
    ("te", "text", ["", 'ä"\\\n😀']),
    ("vc", "varchar(5)", ["abcde", ""]),
    ("id", "uuid", ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("js", "jsonb", ["null", '{"a": [1, null, "x"]}']),
    ("mt", "mz_timestamp", ["0", "18446744073709551615"]),
    ("iv", "interval", ["1 year 2 mons 3 days 04:05:06.007", "0"]),
    ("oi", "oid", ["0", "4294967295"]),
    ("ai", "int[]", ["{}", "{1,NULL,-3}"]),
    ("a2", "text[][]", ["{{a,b},{NULL,d}}", "{}"]),
    ("li", "int list list", ["{{1,2},{},NULL,{NULL}}", "{}"]),
    ("mi", "map[text=>uint8]", ["{}", "{a=>18446744073709551615,b=>NULL}"]),
    ("mu", "map[text=>uuid list]", ["{a=>{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL},b=>NULL}", "{}"]),
]

MATERIALIZE_SCHEMA = """
k: Int32 [materialize.v1.integer]
bo?: Bool [materialize.v1.boolean]
si?: Int16 [materialize.v1.smallint]
i?: Int32 [materialize.v1.integer]
bi?: Int64 [materialize.v1.bigint]
u2?: Uint16 [materialize.v1.uint2]
u4?: Uint32 [materialize.v1.uint4]
u8?: Uint64 [materialize.v1.uint8]
re?: Float32 [materialize.v1.real]
dp?: Float64 [materialize.v1.double]
nu?: Decimal[38e+10] [materialize.v1.numeric]
n9?: Decimal[38e+2] [materialize.v1.numeric]
n18?: Decimal[38e+3] [materialize.v1.numeric]
n38?: Decimal[38e+38] [materialize.v1.numeric]
da?: Date32<DAY> [materialize.v1.date]
ti?: Time64<MICROSECOND> [materialize.v1.time]
ts?: Timestamp<MICROSECOND> [materialize.v1.timestamp]
tz?: Timestamp<MICROSECOND, +00:00> [materialize.v1.timestamptz]
ba?: LargeBinary [materialize.v1.bytea]
te?: LargeUtf8 [materialize.v1.text]
vc?: Utf8 [materialize.v1.text]
id?: FixedSizeBinary[16] [materialize.v1.uuid]
js?: LargeUtf8 [materialize.v1.jsonb]
mt?: Uint64 [materialize.v1.mz_timestamp]
iv?: Utf8
oi?: Uint32
ai?: Struct [materialize.v1.array]
 items: List [materialize.v1.array_items]
  item?: Int32 [materialize.v1.integer]
 dimensions: Uint8 [materialize.v1.array_dimensions]
a2?: Struct [materialize.v1.array]
 items: List [materialize.v1.array_items]
  item?: LargeUtf8 [materialize.v1.text]
 dimensions: Uint8 [materialize.v1.array_dimensions]
li?: List [materialize.v1.list]
 item?: List [materialize.v1.list]
  item?: Int32 [materialize.v1.integer]
mi?: Map [materialize.v1.map]
 entries: Struct
  key: Utf8
  value?: Uint64 [materialize.v1.uint8]
mu?: Map [materialize.v1.map]
 entries: Struct
  key: Utf8
  value?: List [materialize.v1.list]
   item?: FixedSizeBinary[16] [materialize.v1.uuid]
""".strip().split("\n")


class Profiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-profiles-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = harness.Server("--local-export-dir", str(cls.folder))
        cls.addClassCleanup(cls.server.close)
        cls.next = 0
        with cls.server.wire() as sql:
            sql.query(f"CREATE TABLE edges (k int NOT NULL, {', '.join(f'{name} {kind}' for name, kind, _ in COLUMNS)})")
            for row in range(3):
                values = [f"'{values[row]}'::{kind}" if row < 2 else "NULL" for _, kind, values in COLUMNS]
                sql.query(f"INSERT INTO edges VALUES ({row}, {', '.join(values)})")

    def setUp(self):
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)

    def export(self, source, profile=None, more=""):
        type(self).next += 1
        target = self.folder / f"export-{self.next}"
        named = f", PROFILE = '{profile}'" if profile else ""
        self.sql.query(f"COPY {source} TO 'file://{target}' WITH (FORMAT = 'parquet'{named}{more})")
        return target

    def read(self, *arguments):
        return json.loads(harness.node("readers/read.mjs", *arguments, timeout=120))

    def schema(self, folder):
        return json.loads(harness.node("readers/schema.mjs", folder, timeout=120))

    def assert_fault(self, statement, sqlstate, message):
        with self.assertRaises(wire.Fault) as raised:
            self.sql.query(statement)
        self.assertEqual(raised.exception.sqlstate, sqlstate)
        self.assertIn(message, str(raised.exception))
        return raised.exception

    # ---- forms

    def test_materialize_has_the_references_forms(self):
        found = self.schema(self.export("edges", "materialize"))
        self.assertEqual(found["embedded"], MATERIALIZE_SCHEMA)
        # What Arrow's Rust reader takes from it: types and names that Parquet's own schema does not have.
        self.assertEqual(found["arrow"], MATERIALIZE_SCHEMA)
        self.assertEqual(found["parquet"][0], "required INT32 k")
        text = "\n".join(found["parquet"])
        for lines in ("optional FIXED_LEN_BYTE_ARRAY(16) id\n", "optional FIXED_LEN_BYTE_ARRAY(16) n9 DECIMAL 2 38\n",
                      "optional INT64 tz TIMESTAMP true MICROS\n", "optional INT64 ts TIMESTAMP false MICROS\n",
                      "optional BYTE_ARRAY js STRING\n",
                      "optional group ai\n required group items LIST\n  repeated group list\n   optional INT32 item\n"
                      " required INT32 dimensions INTEGER 8 false\n",
                      "optional group mi MAP\n repeated group entries\n  required BYTE_ARRAY keys STRING\n  optional INT64 values INTEGER 64 false\n"):
            self.assertIn(lines, text)

    def test_it_is_materialize_without_a_word(self):
        self.assertEqual(self.schema(self.export("edges")), self.schema(self.export("edges", "materialize")))

    def test_default_has_arrows_own_extensions(self):
        found = self.schema(self.export("edges", "default"))
        self.assertIn("id?: FixedSizeBinary[16] [arrow.uuid]", found["embedded"])
        self.assertIn("js?: Utf8 [arrow.json]", found["embedded"])
        self.assertEqual(found["arrow"], found["embedded"])
        self.assertIn("optional FIXED_LEN_BYTE_ARRAY(16) id UUID", found["parquet"])
        self.assertIn("optional BYTE_ARRAY js JSON", found["parquet"])
        self.assertIn("optional INT32 n9 DECIMAL 2 9", found["parquet"])
        self.assertIn("optional INT64 n18 DECIMAL 3 18", found["parquet"])

    def test_warehouses_get_no_form_that_they_refuse(self):
        for profile in WAREHOUSES:
            with self.subTest(profile):
                found = self.schema(self.export("edges", profile))
                self.assertIsNone(found["embedded"])
                text = "\n".join(found["parquet"])
                for refused in (" UUID", " JSON", "INTEGER 64 false", "INTEGER 32 false", "INTERVAL"):
                    self.assertNotIn(refused, text)
                self.assertEqual("#1" in text, profile in ("snowflake", "databricks"))
                self.assertEqual("TIME false" in text, profile in ("snowflake", "bigquery"))
        types = dict(self.read("schema", self.export("edges", "bigquery")))
        self.assertEqual((types["u2"], types["u4"], types["u8"], types["n9"], types["id"], types["mi"]),
                         ("INTEGER", "BIGINT", "DECIMAL(20,0)", "DECIMAL(9,2)", "VARCHAR", "MAP(VARCHAR, DECIMAL(20,0))"))

    def test_names_are_those_that_the_readers_can_take(self):
        source = '(SELECT 1 AS "Order Id", 2 AS "order id", 3 AS "2nd", ROW(4) AS r)'
        wanted = {
            "materialize": ["Order Id", "order id", "2nd", "r"], "duckdb": ["Order Id", "order id2", "2nd", "r"],
            "snowflake": ["ORDER ID", "ORDER ID2", "2ND", "R"], "redshift": ["order id", "order id2", "2nd", "r"],
            "bigquery": ["Order_Id", "order_id2", "_2nd", "r"], "databricks": ["Order_Id", "order_id2", "2nd", "r"]}
        for profile, names in wanted.items():
            with self.subTest(profile):
                folder = self.export(source, profile, ", MANIFEST")
                self.assertEqual([line.split(":")[0].rstrip("?") for line in self.schema(folder)["arrow"] if line[0] != " "], names)
                manifest = json.loads(next(folder.glob("*manifest.json")).read_text())
                self.assertEqual([column["name"] for column in manifest["schema"]], names)
                self.assertEqual([column["name"] for column in manifest["files"][0]["columns"]], names)

    def test_columns_without_null_are_required(self):
        self.sql.query("CREATE TABLE parts (id int PRIMARY KEY, name text NOT NULL, note text)")
        self.sql.query("INSERT INTO parts VALUES (1, 'a', NULL), (2, 'b', 'x')")
        self.sql.query("CREATE VIEW seen AS SELECT * FROM parts")
        for source, wanted in (
                ("parts", ["required", "required", "optional"]),
                ("(SELECT count(*), 1 AS one, max(id), note FROM parts GROUP BY note)", ["required", "required", "optional", "optional"]),
                ("(SELECT p.id, q.id FROM parts p JOIN parts q ON p.id = q.id)", ["required", "required"]),
                ("(SELECT p.id, q.id FROM parts p LEFT JOIN parts q ON p.id = q.id + 1)", ["optional", "optional"]),
                ("(SELECT id, count(*) FROM parts GROUP BY ROLLUP (id))", ["optional", "optional"]),
                ("(SELECT id FROM parts UNION ALL SELECT NULL)", ["optional"]),
                ("(WITH w AS (SELECT id, note FROM parts) SELECT * FROM (SELECT note, id FROM w) q)", ["optional", "required"]),
                ("(WITH w AS (SELECT note FROM parts), parts AS (SELECT 1 AS note) SELECT note FROM w)", ["optional"]),
                ("(SELECT id FROM (SELECT * RENAME (note AS id, id AS note) FROM parts) q)", ["optional"]),
                ("seen", ["optional"] * 3)):
            with self.subTest(source):
                folder = self.export(source)
                self.assertEqual([line.split()[0] for line in self.schema(folder)["parquet"]], wanted)
        self.assertEqual([line.split()[0] for line in self.schema(self.export("parts", "redshift"))["parquet"]], ["optional"] * 3)
        folder = self.export("parts", None, ", PARTITION BY (name)")
        self.assertEqual([line.split()[0] for line in self.schema(folder / "name=a")["parquet"]], ["required", "optional"])

    # ---- what is said

    def explain(self, source, profile, more=""):
        named = f", PROFILE = '{profile}'" if profile else ""
        return [tuple(row) for row in self.sql.query(f"EXPLAIN COPY {source} TO 'file://{self.folder}/x' WITH (FORMAT = 'parquet'{named}{more})").rows]

    def test_explain_tells_forms_and_losses(self):
        lines = {row[1]: row[2:] for row in self.explain("edges", "bigquery") if row[0] == "column"}
        self.assertEqual(lines["id"], ("uuid", "BYTE_ARRAY STRING", "string", "as its text"))
        self.assertEqual(lines["nu"][3], "digits behind the point: 10; needs BIGNUMERIC")
        self.assertEqual(lines["ai"], ("integer[]", "LIST<INT32>", "list<int32>", "NULL loads as an empty list, and fails within one"))
        self.assertEqual(lines["k"], ("integer", "INT32 REQUIRED", "int32", ""))
        lines = {row[1]: row[2:] for row in self.explain("edges", None) if row[0] == "column"}
        self.assertEqual(lines["a2"][3], "the lengths of its dimensions are not kept; uneven ones are an error")
        self.assertIn("Materialize refuses it", lines["iv"][3])
        self.assertEqual(lines["tz"][2], "timestamp[us, tz=+00:00]")
        self.assertEqual(lines["te"][2], "large_string")
        self.assertIn(("option", "PROFILE", "", "snowflake", "", "load with USE_LOGICAL_TYPE = TRUE and BINARY_AS_TEXT = FALSE"),
                      self.explain("edges", "snowflake"))
        self.assertIn("named ID in the file", [row[-1] for row in self.explain("(SELECT 1 AS id)", "snowflake")][0])
        self.assertFalse((self.folder / "x").exists())

    def test_an_unknown_profile_is_refused(self):
        fault = self.assert_fault(f"COPY edges TO 'file://{self.folder}/x' WITH (FORMAT = 'parquet', PROFILE = 'oracle')", "22023",
                                  "unknown PROFILE: oracle")
        self.assertIn("databricks", fault.fields["H"])
        self.assertIn("D", fault.fields)
        self.assertIn("P", fault.fields)
        self.assertFalse((self.folder / "x").exists())

    def test_csv_is_the_same_in_every_profile(self):
        texts = set()
        for profile in ("", *(f", PROFILE {name}" for name in ("default", "SNOWFLAKE"))):
            type(self).next += 1
            target = self.folder / f"export-{self.next}"
            self.sql.query(f"COPY (SELECT * FROM edges) TO 'file://{target}' WITH (FORMAT = 'csv', HEADER{profile})")
            # A set: each file has the header, and how many files there are is up to the threads.
            lines = {line for file in target.glob("*.csv") for line in file.read_text().splitlines()}
            texts.add("\n".join(sorted(lines)))
        self.assertEqual(len(texts), 1)


if __name__ == "__main__":
    harness.main()
