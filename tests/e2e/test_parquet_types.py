#!/usr/bin/python3
"""Every type and its extreme values in Parquet, as three readers see them that share nothing with the writer:
DuckDB, hyparquet and Arrow's Rust reader."""

import json
import pathlib
import shutil
import tempfile
import unittest

import harness

NULL = None
BIG = "1234567890" * (1 << 20)

# (name, type, [(value as Sluice reads it, as DuckDB prints it as text)]). NULL is added to each.
TYPES = [
    ("bo", "boolean", [("true", "true"), ("false", "false")]),
    ("si", "smallint", [("-32768", "-32768"), ("32767", "32767"), ("0", "0")]),
    ("i", "integer", [("-2147483648", "-2147483648"), ("2147483647", "2147483647")]),
    ("bi", "bigint", [("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807")]),
    ("u2", "uint2", [("0", "0"), ("65535", "65535")]),
    ("u4", "uint4", [("0", "0"), ("4294967295", "4294967295")]),
    ("u8", "uint8", [("0", "0"), ("18446744073709551615", "18446744073709551615")]),
    ("re", "real", [("NaN", "nan"), ("Infinity", "inf"), ("-Infinity", "-inf"), ("-0", "-0.0"), ("3.4028235e38", "3.4028235e+38"), ("1e-45", "1e-45")]),
    ("dp", "double precision", [("NaN", "nan"), ("Infinity", "inf"), ("-Infinity", "-inf"), ("1.7976931348623157e308", "1.7976931348623157e+308"),
                                ("5e-324", "5e-324"), ("0.1", "0.1")]),
    ("nu", "numeric", [("0", "0.0000000000"), ("-1234567890123456789012345678.0123456789", "-1234567890123456789012345678.0123456789")]),
    ("n38", "numeric(38,0)", [("9" * 38, "9" * 38), ("-" + "9" * 38, "-" + "9" * 38), ("1", "1")]),
    ("n3838", "numeric(38,38)", [("0." + "9" * 38, "." + "9" * 38), ("-0." + "0" * 37 + "1", "-." + "0" * 37 + "1")]),
    ("n4", "numeric(4,2)", [("-99.99", "-99.99"), ("0.01", "0.01")]),
    ("n9", "numeric(9,2)", [("-9999999.99", "-9999999.99"), ("9999999.99", "9999999.99")]),
    ("n18", "numeric(18,3)", [("-999999999999999.999", "-999999999999999.999"), ("0.001", "0.001")]),
    ("da", "date", [("0044-03-15 BC", "0044-03-15 (BC)"), ("9999-12-31", "9999-12-31"), ("1969-12-31", "1969-12-31")]),
    ("ti", "time", [("00:00:00", "00:00:00"), ("23:59:59.999999", "23:59:59.999999")]),
    ("ts", "timestamp", [("0044-03-15 12:00:00 BC", "0044-03-15 (BC) 12:00:00"), ("1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999"),
                         ("9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999")]),
    ("tz", "timestamptz", [("1969-12-31 23:59:59.999999+00", "1969-12-31 23:59:59.999999+00"), ("2024-06-01 12:00:00+02", "2024-06-01 10:00:00+00")]),
    ("iv", "interval", [("1 year 2 mons 3 days 04:05:06.000007", "1 year 2 mons 3 days 04:05:06.000007"), ("-1 day", "-1 days"), ("0", "00:00:00")]),
    ("te", "text", [("", ""), ("ä\"\\\n\t\u0001 😀", "ä\"\\\n\t\u0001 😀"), ("x" * 64, "x" * 64), ("ä" * 50, "ä" * 50)]),
    ("vc", "varchar(5)", [("abcde", "abcde"), ("", "")]),
    ("ba", "bytea", [("\\x", ""), ("\\x00ff", "\\x00\\xFF"), ("\\x" + "ff" * 70, "\\xFF" * 70)]),
    ("id", "uuid", [("00000000-0000-0000-0000-000000000000",) * 2, ("ffffffff-ffff-ffff-ffff-ffffffffffff",) * 2,
                    ("7fffffff-ffff-ffff-8000-000000000000",) * 2]),
    ("js", "jsonb", [("null", "null"), ('{"a": [1, null, "x"]}', '{"a":[1,null,"x"]}')]),
    ("mt", "mz_timestamp", [("0", "0"), ("18446744073709551615", "18446744073709551615")]),
    ("oi", "oid", [("0", "0"), ("4294967295", "4294967295")]),
    ("ai", "int[]", [("{}", "[]"), ("{NULL}", "[NULL]"), ("{1,NULL,-3}", "[1, NULL, -3]")]),
    ("tx", "text[]", [('{"",NULL,"a,b"}', "['', NULL, 'a,b']")]),
    ("an", "numeric(9,2)[]", [("{1.50,NULL,-0.01}", "[1.50, NULL, -0.01]")]),
    ("aiv", "interval[]", [("{00:00:01,NULL}", "['00:00:01', NULL]")]),
    ("li", "int list", [("{}", "[]"), ("{1,NULL}", "[1, NULL]")]),
    ("ll", "int list list", [("{{1,2},{},NULL,{NULL}}", "[[1, 2], [], NULL, [NULL]]"), ("{}", "[]")]),
    ("mi", "map[text=>int]", [("{}", "{}"), ("{a=>1,b=>NULL}", "{a=1, b=NULL}")]),
    ("ml", "map[text=>text list]", [("{a=>{x,NULL},b=>NULL}", "{a=[x, NULL], b=NULL}")]),
]


class ParquetTypes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-parquet-types-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = harness.Server("--local-export-dir", str(cls.folder))
        cls.addClassCleanup(cls.server.close)
        cls.rows = max(len(values) for _, _, values in TYPES) + 1
        with cls.server.wire() as sql:
            sql.query(f"CREATE TABLE edges (row int, {', '.join(f'{name} {kind}' for name, kind, _ in TYPES)})")
            for row in range(cls.rows):
                values = [cls.literal(kind, values, row) for _, kind, values in TYPES]
                sql.query(f"INSERT INTO edges VALUES ({row}, {', '.join(values)})")

    @staticmethod
    def literal(kind, values, row):
        if row >= len(values):
            return "NULL"
        quoted = values[row][0].replace("'", "''")
        return f"'{quoted}'::{kind}"

    def export(self, source, name, more=""):
        target = self.folder / name
        with self.server.wire() as sql:
            sql.query(f"COPY {source} TO 'file://{target}' WITH (FORMAT = 'parquet', PROFILE = 'default'{more})")
        return target

    def read(self, *arguments):
        return json.loads(harness.node("readers/read.mjs", *arguments, timeout=120))

    def test_all_values_come_back(self):
        folder = self.export("edges", "edges")
        texts = ", ".join(f"{name}::text" for name, _, _ in TYPES)
        rows = self.read("duckdb", folder, "parquet", f"SELECT {texts} FROM data ORDER BY row")
        self.assertEqual(len(rows), self.rows)
        for column, (name, kind, values) in enumerate(TYPES):
            with self.subTest(kind):
                wanted = [text for _, text in values] + [NULL] * (self.rows - len(values))
                self.assertEqual([row[column] for row in rows], wanted)

    def test_other_readers_read_the_same(self):
        folder = self.export("edges", "others")
        arrow = {name: values for name, _, values in self.read("arrow", folder)}
        hyparquet = self.read("hyparquet", folder)
        self.assertEqual(len(hyparquet), self.rows)
        for name, kind, values in TYPES:
            with self.subTest(kind):
                there = [row < len(values) for row in range(self.rows)]
                in_order = sorted(range(self.rows), key=lambda row: int(arrow["row"][row]))
                self.assertEqual([arrow[name][row] is not None for row in in_order], there)
                # JSON's null is JavaScript's.
                there = [is_there and values[row][1] != "null" for row, is_there in enumerate(there)]
                self.assertEqual([row.get(name) is not None for row in sorted(hyparquet, key=lambda row: row["row"])], there)
        # Where both have the value as it is.
        for name in ("bo", "si", "i", "bi", "u2", "u4", "u8", "te", "vc", "js", "iv", "mt", "oi", "ba"):
            with self.subTest(name):
                mine = {int(row): value for row, value in zip(arrow["row"], arrow[name])}
                for row in hyparquet:
                    value = row.get(name)
                    shown = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
                    if name == "js" and value is not None:
                        self.assertEqual(json.loads(mine[row["row"]]), value if not isinstance(value, str) else json.loads(value))
                    elif value is not None:
                        self.assertEqual(mine[row["row"]], str(shown))

    def test_page_indexes_lead_to_the_right_pages(self):
        folder = self.export("(SELECT i AS id FROM generate_series(1, 100000) g(i))", "indexed")
        found = self.read("hyparquet-range", folder, "id", 77_000, 77_003)
        pages = found["pages"]
        self.assertGreater(len(pages), 2)
        for (first, least, greatest, nulls), following in zip(pages, [*pages[1:], (100_000,)]):
            self.assertEqual((int(least), int(greatest), int(nulls)), (first + 1, following[0], 0))
        self.assertEqual([int(row["id"]) for row in found["rows"]], [77_001, 77_002, 77_003])
        self.assertLess(found["read"], next(folder.glob("*.parquet")).stat().st_size / 2)

    def test_records_are_structs(self):
        folder = self.export("(SELECT i, ROW(i, 'x' || i) AS r FROM generate_series(1, 3) g(i))", "records")
        rows = self.read("duckdb", folder, "parquet", "SELECT i::text, r::text FROM data ORDER BY i")
        self.assertEqual([row[0] for row in rows], ["1", "2", "3"])
        self.assertIn("x2", rows[1][1])

    def test_values_of_ten_megabytes(self):
        with self.server.wire() as sql:
            sql.query("CREATE TABLE huge (i int, t text)")
            for i in range(3):
                sql.query(f"INSERT INTO huge SELECT {i}, repeat('1234567890', {1 << 20}) || {i}")
            sql.query("INSERT INTO huge VALUES (3, 'small'), (4, NULL)")
        folder = self.export("huge", "huge")
        rows = self.read("duckdb", folder, "parquet", "SELECT i::text, length(t)::text, right(t, 1) FROM data ORDER BY i")
        self.assertEqual(rows, [["0", str(len(BIG) + 1), "0"], ["1", str(len(BIG) + 1), "1"], ["2", str(len(BIG) + 1), "2"],
                                ["3", "5", "l"], ["4", NULL, NULL]])
        arrow = {name: values for name, _, values in self.read("arrow", folder)}
        self.assertEqual(sorted(len(value or "") for value in arrow["t"]), [0, 5] + [len(BIG) + 1] * 3)


if __name__ == "__main__":
    harness.main()
