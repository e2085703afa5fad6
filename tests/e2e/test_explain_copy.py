#!/usr/bin/python3
"""What EXPLAIN COPY says beforehand is what the COPY then does: which values are an error, what the others are in the
files, which keys the objects have, and how many bytes and files there are."""

import json
import pathlib
import re
import shutil
import tempfile
import time
import unittest

import harness
import wire

WAREHOUSES = ("snowflake", "bigquery", "redshift", "databricks")
PROFILES = ("materialize", "default", "duckdb", *WAREHOUSES)


class ExplainCopy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-explain-copy-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = harness.Server("--local-export-dir", str(cls.folder), "--threads", "2")
        cls.addClassCleanup(cls.server.close)
        cls.next = 0

    def setUp(self):
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)

    def statement(self, source, options="", profile=None, form="parquet"):
        """COPY into a folder that nobody has used, and that folder."""
        type(self).next += 1
        target = self.folder / f"export-{self.next}"
        named = f", PROFILE = '{profile}'" if profile else ""
        return f"COPY {source} TO 'file://{target}' WITH (FORMAT = '{form}'{named}{options})", target

    def explain(self, copy):
        """{(item, name): (sql type, file type, arrow type, note)}"""
        return {(row[0], row[1]): tuple(row[2:]) for row in self.sql.query("EXPLAIN " + copy).rows}

    def fault(self, statement):
        with self.assertRaises(wire.Fault) as raised:
            self.sql.query(statement)
        return raised.exception

    def read(self, folder, query):
        return json.loads(harness.node("readers/read.mjs", "duckdb", folder, "parquet", query, timeout=120))

    # ---- what is lost

    MOMENTS = (
        ("date", ("infinity", "-infinity", "0044-03-15 BC", "10000-01-01")),
        ("timestamp", ("infinity", "-infinity", "0044-03-15 00:00:00 BC", "10000-01-01 00:00:00")),
        ("timestamptz", ("infinity", "-infinity", "0044-03-15 00:00:00 BC", "10000-01-01 00:00:00")))

    def test_moments_that_a_profile_refuses_are_named_before_and_when_they_come(self):
        for profile in WAREHOUSES:
            for kind, values in self.MOMENTS:
                for value in values:
                    with self.subTest(f"{profile} {kind} {value}"):
                        for source in (f"'{value}'::{kind}", f"""'{{k=>"{value}"}}'::map[text=>{kind}]"""):
                            copy, target = self.statement(f"(SELECT {source} AS moment)", profile=profile)
                            self.assertIn("beyond the years 1 to 9999, BC and infinity are an error",
                                          self.explain(copy)["column", "moment"][3])
                            fault = self.fault(copy)
                            self.assertEqual(fault.sqlstate, "22008")
                            self.assertIn(f'column "{"MOMENT" if profile == "snowflake" else "moment"}": {value} is not', str(fault))
                            self.assertIn("cast the column to text", fault.fields["H"])
                            self.assertEqual(list(target.rglob("*.parquet")), [])

    def test_moments_within_the_years_are_taken(self):
        for profile in WAREHOUSES:
            copy, target = self.statement("(SELECT date '0001-01-01' AS a, timestamp '9999-12-31 23:59:59.999999' AS b)", profile=profile)
            self.sql.query(copy)
            self.assertEqual(self.read(target, "SELECT a::text, b::text FROM data"), [["0001-01-01", "9999-12-31 23:59:59.999999"]])

    def test_moments_that_a_profile_takes_are_in_the_file(self):
        numbers = {"date": ("2147483647", "-2147483647", "-735160", "2932897"),
                   "timestamp": ("9223372036854775807", "-9223372036854775807", "-63517824000000000", "253402300800000000")}
        for profile in ("materialize", "default", "duckdb"):
            for kind, values in self.MOMENTS:
                with self.subTest(f"{profile} {kind}"):
                    rows = ", ".join(f"({i}, '{value}'::{kind})" for i, value in enumerate(values))
                    copy, target = self.statement(f"(SELECT * FROM (VALUES {rows}) v(i, moment))", profile=profile)
                    note = self.explain(copy)["column", "moment"][3]
                    self.sql.query(copy)
                    wanted = numbers["date" if kind == "date" else "timestamp"]
                    self.assertEqual("infinity as " + wanted[0] in note, profile != "duckdb", note)
                    as_read = self.read(target, "SELECT moment::text FROM data ORDER BY i")
                    self.assertEqual([text for [text] in as_read[:2]], ["infinity", "-infinity"], "DuckDB has these numbers, too")
                    self.assertIn("BC", as_read[2][0])
                    as_written = self.read(target, f"SELECT {self.NUMBER[kind]} FROM data ORDER BY i")
                    self.assertEqual([str(number) for [number] in as_written][2:], list(wanted[2:]))

    NUMBER = {"date": "(moment - date '1970-01-01')::text", "timestamp": "epoch_us(moment)::text", "timestamptz": "epoch_us(moment)::text"}

    def test_uneven_arrays(self):
        source = "(SELECT ARRAY[ARRAY[1, 2], ARRAY[3]] AS a)"
        for profile in PROFILES:
            with self.subTest(profile):
                copy, target = self.statement(source, profile=profile)
                named = "A" if profile == "snowflake" else "a"
                note = self.explain(copy)["column", "a"][3]
                self.assertEqual("uneven ones are an error" in note, profile == "materialize", note)
                if profile == "materialize":
                    self.assertEqual(self.fault(copy).sqlstate, "2202E")
                else:
                    self.sql.query(copy)
                    self.assertEqual(self.read(target, f"SELECT {named}::text FROM data"), [["[[1, 2], [3]]"]])

    def test_intervals_that_parquet_does_not_have(self):
        for value in ("-1 day", "0.0005 seconds", "1194 hours"):
            copy, _ = self.statement(f"(SELECT interval '{value}' AS i)", profile="duckdb")
            self.assertIn("parts of milliseconds, below zero, and 1194 hours and more are an error", self.explain(copy)["column", "i"][3])
            self.assertEqual(self.fault(copy).sqlstate, "22008")
        copy, target = self.statement("(SELECT interval '1193 hours' AS i)", profile="duckdb")
        self.sql.query(copy)
        self.assertEqual(self.read(target, "SELECT i::text FROM data"), [["1193:00:00"]])

    # ---- keys

    def test_keys_of_partitions_are_named_as_columns_are(self):
        source = """(SELECT 1 AS "Order Id", 'x' AS "order_id", 'A' AS "Flag")"""
        # The files' columns; the keys' names of flag, of one that is called as a column but for case and a blank, and of two such.
        wanted = {
            None: (["Order Id", "order_id"], ["Flag", "Order_id", "order Id"]),
            "duckdb": (["Order Id", "order_id"], ["Flag", "Order_id2", "order Id2"]),
            "snowflake": (["ORDER ID", "ORDER_ID"], ["FLAG", "ORDER_ID2", "ORDER ID2"]),
            "redshift": (["order id", "order_id"], ["flag", "order_id2", "order id2"]),
            "bigquery": (["Order_Id", "order_id2"], ["Flag", "Order_id3", "order_Id4"]),
            "databricks": (["Order_Id", "order_id2"], ["Flag", "Order_id3", "order_Id4"])}
        options = ', PARTITION BY ("Flag", 7 AS "Order_id", 8 AS "order Id"), MANIFEST'
        for profile, (columns, keys) in wanted.items():
            with self.subTest(profile):
                copy, target = self.statement(source, options, profile)
                explained = self.explain(copy)
                self.assertEqual([name for item, name in explained if item == "partition"], keys)
                self.assertTrue(all("in the keys only" in explained["partition", key][3] for key in keys))
                key = explained["object", "data"][1]
                self.sql.query(copy)
                manifest = json.loads(next(target.glob("*manifest.json")).read_text())
                self.assertEqual(manifest["partition_by"], keys)
                self.assertEqual([column["name"] for column in manifest["schema"]], columns)
                [file] = target.rglob("*.parquet")
                folders = f"{keys[0]}=A/{keys[1]}=7/{keys[2]}=8"
                self.assertEqual(str(file.parent.relative_to(target)), folders)
                for value in "A78":
                    key = key.replace("{value}", value, 1)
                self.assertIn(folders, key)
                # Of keys and columns, which DuckDB tells apart whatever their case.
                if profile:
                    seen = json.loads(harness.node("readers/read.mjs", "schema", file.parent))
                    self.assertEqual(sorted(name for name, _ in seen), sorted(columns + keys))

    def test_a_partition_that_is_in_the_files_has_its_name_there(self):
        options = ", PARTITION BY (flag), WRITE PARTITION COLUMNS"
        copy, target = self.statement("(SELECT 1 AS a, 'A' AS flag)", options, "snowflake")
        self.assertIn("in the files too", self.explain(copy)["partition", "FLAG"][3])
        self.sql.query(copy)
        self.assertEqual([path.name for path in target.iterdir()], ["FLAG=A"])
        self.assertEqual(self.read(target / "FLAG=A", 'SELECT "FLAG" FROM data'), [["A"]])

    def test_csv_has_the_names_of_the_query_in_its_keys_too(self):
        copy, target = self.statement("""(SELECT 1 AS a, 'A' AS "Flag")""", ', PARTITION BY ("Flag")', "redshift", "csv")
        self.assertIn(("partition", "Flag"), self.explain(copy))
        self.sql.query(copy)
        self.assertEqual([path.name for path in target.iterdir()], ["Flag=A"])

    # ---- estimates

    ROWS = 1_000_000
    SHAPES = {
        "flat": """i AS id, ((i * 31) % 100000)::int AS supplier, ((i * 17) % 10000000 / 100.0)::numeric(15,2) AS price,
                   date '1992-01-01' + (i * 13 % 2500)::int AS shipped, md5(i::text) AS comment""",
        "texts": "i AS id, 'customer ' || (i * 7919) % 50000 AS customer, repeat('all the same ', (i % 20)::int) AS note",
        "nested": "i AS id, array[(i * 7919) % 100003, i] AS numbers, array['tag' || i % 500] AS tags"}

    def tables(self):
        if self.sql.rows("SELECT 1 FROM pg_class WHERE relname = 'flat'"):
            return
        for name, columns in self.SHAPES.items():
            self.sql.query(f"CREATE TABLE {name} AS SELECT {columns}, ((i * 7919) % 12)::int AS twelfth, (i * 7919) % 2500 AS day, "
                           f"i % 20000 AS many FROM generate_series(1::bigint, {self.ROWS}::bigint) g(i)")

    def written(self, target):
        sizes = [file.stat().st_size for file in target.rglob("*") if file.is_file()]
        shutil.rmtree(target)
        return sizes

    def files(self, explained):
        """The least and the most."""
        _, least, _, note = explained["estimate", "files"]
        return int(least), int(re.search(r"up to (\d+)", note)[1]) if note else int(least)

    def test_estimates_are_near_to_what_is_written(self):
        self.tables()
        for shape in self.SHAPES:
            for form, options in (("parquet", ""), ("parquet", ", COMPRESSION = 'zstd 9', MAX FILE SIZE = '16MB'"),
                                  ("parquet", ", COMPRESSION = 'none', PARTITION BY (twelfth)"), ("csv", ", SINGLE FILE"),
                                  ("csv", ", COMPRESSION = 'gzip', MAX FILE SIZE = '16MB'"), ("csv", ", PARTITION BY (twelfth)"),
                                  *([("parquet", ", PARTITION BY (day)")] if shape == "flat" else [])):
                with self.subTest(f"{shape} {form}{options}"):
                    copy, target = self.statement(shape, options, form=form)
                    explained = self.explain(copy)
                    self.sql.query(copy)
                    sizes = self.written(target)
                    estimate = int(explained["estimate", "bytes"][1]) / sum(sizes)
                    self.assertTrue(1 / 1.5 < estimate < 1.5, f"estimated {estimate:.2f} times what was written")
                    self.assertIn("encoded and compressed", explained["estimate", "bytes"][3])
                    self.assertEqual(explained["estimate", "rows"][1:], (str(self.ROWS), "", "as the planner sees it"))
                    least, most = self.files(explained)
                    self.assertTrue(least <= len(sizes) <= most, (least, len(sizes), most))

    def test_partitions_are_counted_and_too_many_are_told(self):
        self.tables()
        for column, partitions in (("twelfth", 12), ("day", 2500)):
            explained = self.explain(self.statement("flat", f", PARTITION BY ({column})")[0])
            self.assertEqual(explained["estimate", "partitions"][1:], (str(partitions), "", "counted"))
            self.assertEqual(self.files(explained)[0], partitions)
        # That it does fail is a test of test_export_layout.py.
        explained = self.explain(self.statement("flat", ", PARTITION BY (many)")[0])
        self.assertEqual(explained["estimate", "partitions"][1], "more than 10000")
        self.assertIn("would fail", explained["estimate", "partitions"][3])
        self.assertNotIn(("estimate", "files"), explained)

    def test_a_small_result_is_counted_to_the_byte(self):
        for rows in (0, 7):
            copy, target = self.statement(f"(SELECT i AS a, 'b' || i AS b FROM generate_series(1, {rows}) g(i))", ", HEADER", form="csv")
            explained = self.explain(copy)
            self.assertEqual(explained["estimate", "rows"][1:], (str(rows), "", "counted"))
            self.sql.query(copy)
            [size] = self.written(target)
            self.assertEqual((int(explained["estimate", "bytes"][1]), self.files(explained)[0]), (size, 1))

    def test_rows_that_would_fail_are_told(self):
        copy, target = self.statement("(SELECT date 'infinity' AS day, 1 AS i)", profile="redshift")
        explained = self.explain(copy)
        self.assertIn('column "day": infinity is not within the years 1 to 9999', explained["estimate", "bytes"][3])
        self.assertFalse(target.exists())

    def test_a_query_that_takes_long_is_not_waited_for(self):
        copy, _ = self.statement("(SELECT count(*) AS n FROM generate_series(1, 3000000) a(i), generate_series(1, 30000) b(j) WHERE (i # j) % 7 = 3)")
        began = time.monotonic()
        explained = self.explain(copy)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(explained["estimate", "bytes"][3], "guessed from the types' usual widths")


if __name__ == "__main__":
    harness.main()
