#!/usr/bin/python3
"""CSV files of all types and edge values, with all options and codecs, read back by programs that are not ours:
Python's csv, PostgreSQL 15's COPY FROM and DuckDB's read_csv. And compressed files of a bounded size."""

import csv
import gzip
import io
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import unittest

import edge_values
import harness

csv.field_size_limit(1 << 30)
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
MB = 1 << 20

# type: (PostgreSQL's type for it, values in their text form; NULL is among all). With those of edge_values.py, below.
TYPES = {
    "boolean": ("boolean", ["t", "f"]),
    "smallint": ("smallint", ["-32768", "32767", "0"]),
    "integer": ("integer", ["-2147483648", "2147483647", "7"]),
    "bigint": ("bigint", ["-9223372036854775808", "9223372036854775807", "-10"]),
    "uint8": ("numeric(20)", ["0", "18446744073709551615"]),
    "numeric": ("numeric", ["0", "-1.5", "1234567890123456789012345678.0123456789", "100"]),
    "numeric(38,0)": ("numeric(38,0)", ["99999999999999999999999999999999999999", "-1"]),
    "numeric(15,2)": ("numeric(15,2)", ["-9999999999999.99", "0.05", "-0.05", "100.00"]),
    "numeric(4,4)": ("numeric(4,4)", ["0.1234", "-0.0001", "0.0000"]),
    "real": ("real", ["NaN", "Infinity", "-Infinity", "3.4028235e+38", "1e-37", "-0", "0.1"]),
    "double precision": ("double precision", ["NaN", "-Infinity", "1.7976931348623157e+308", "5e-324", "0.1", "1e+15"]),
    "date": ("date", ["0044-03-15 BC", "0001-01-01", "9999-12-31", "2000-02-29", "infinity", "-infinity", "12345-06-07"]),
    "time": ("time", ["00:00:00", "23:59:59.999999", "10:10:10.5"]),
    "timestamp": ("timestamp", ["0044-03-15 12:00:00 BC", "1969-12-31 23:59:59.000001", "9999-12-31 23:59:59.999999", "infinity"]),
    "timestamptz": ("timestamptz", ["0044-03-15 12:00:00+00 BC", "2024-02-29 00:00:00.1+00", "-infinity"]),
    "interval": ("interval", ["1 year 2 mons 3 days 04:05:06.789", "-1 days +02:03:04", "00:00:00"]),
    "uuid": ("uuid", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    "bytea": ("bytea", ["\\x", "\\x00ff222c0a"]),
    "text": ("text", ["", "NULL", "\\N", "\\.", ",", '"', 'a""b', "l\nm", "\r", "\r\n", " blanks ", "\t", "€ 𝄞 ü", "'", "a|b",
                      "x" * 13, "twelve chars", 'sixteen charact"', "a text of more than thirty-two bytes, with a comma", "long " * 5000]),
    "char(5)": ("char(5)", ["ab", "a,b", "12345"]),
    "jsonb": ("jsonb", ['{"a": "b\\"c,d", "l": [1, 2.5], "n": null}', "[]", '"x"', "null"]),
    "int[]": ("int[]", ["{}", "{1,NULL,-2147483648}", "{NULL}"]),
    "bigint[][]": ("bigint[][]", ["{{1,2},{3,4}}"]),
    "text[]": ("text[]", ["{}", '{"",NULL,"NULL","a,b","say \\"x\\"","\\\\"}', '{"l\nm"," "}']),
    "map[text=>int]": ("text", ["{}", "{a=>1,\"b,c\"=>NULL}"]),
}
# What PostgreSQL has not, or calls another name.
THEIRS = {"uint2": "integer", "uint4": "bigint", "uint8": "numeric(20)", "mz_timestamp": "numeric(20)"}
# Stored, these are numbers in their text form, and names in PostgreSQL's.
NUMBERS = ("regtype", "regclass", "regproc", "regnamespace")
# {(type, text form): an expression}: no text is read as an array of arrays of different lengths.
EXPRESSIONS = {}


def text_form(kind, value, within=""):
    """Of a value of edge_values.py, on its own or within a list or a map, as docs/formats.md has it."""
    if value is None:
        return "NULL" if within else None
    if isinstance(kind, str):
        text = {"true": "t", "false": "f"}[value] if kind == "boolean" else value
        return item(text, within) if within else text
    if kind[0] == "map":
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode())
        return "{" + ",".join(f"{item(name, 'map')}=>{text_form(kind[1], part, 'map')}" for name, part in pairs) + "}"
    return "{" + ",".join(text_form(kind[1], part, "list") for part in value) + "}"


def item(text, within):
    special = '{}"\\,' + ("=>" if within == "map" else "")
    plain = text and text.upper() != "NULL" and not any(c in special or c.isspace() for c in text)
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def add_edge_values():
    def add(kind, theirs, values):
        theirs, own = TYPES.get(edge_values.sql_type(kind), (theirs, []))
        TYPES[edge_values.sql_type(kind)] = theirs, list(dict.fromkeys([*own, *(text_form(kind, value) for value in values)]))

    for kind, values in edge_values.SCALARS.values():
        if kind in NUMBERS:
            continue
        values = [value for value in values if not value.endswith("+02")]  # files are in UTC
        theirs = THEIRS.get(kind, kind)
        add(kind, theirs, [value.rstrip(" ") for value in values] if kind == "char(5)" else values)
        if kind != "char(5)":  # padded within an array by PostgreSQL only
            add(("array", kind), f"{theirs}[]", [[], [None], [*values, None]])
            add(("list", kind), "text", [[], [None], [*values, None]])
            add(("map", kind), "text", [{}, {"k": None}, {f"k{n}": value for n, value in enumerate(values)}])
    for kind, values in edge_values.DEEPER.values():
        add(kind, "text", values)
        EXPRESSIONS.update({(edge_values.sql_type(kind), text_form(kind, value)): edge_values.sql(kind, value) for value in values})


add_edge_values()
# (options, what Python's csv calls them, PostgreSQL's)
OPTIONS = [
    ("", {}, ""),
    ("NULL = '\\N'", {}, "NULL '\\N'"),
    ("DELIMITER = '|', QUOTE = '''', NULL 'null'", {"delimiter": "|", "quotechar": "'"}, "DELIMITER '|', QUOTE '''', NULL 'null'"),
    ("FORCE QUOTE *, HEADER", {}, "HEADER"),
    ("FORCE QUOTE (c0, \"c18\"), QUOTE '~', ESCAPE '^'", {"quotechar": "~", "escapechar": "^", "doublequote": False},
     "QUOTE '~', ESCAPE '^'"),
    ("COMPRESSION = 'gzip', HEADER = true", {}, "HEADER"),
    ("COMPRESSION zstd", {}, ""),
    ("COMPRESSION = 'zstd 19', FORCE QUOTE *", {}, ""),
    ("COMPRESSION gzip 9", {}, ""),
]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def plain_bytes(path):
    """A file's text, as the tools of its codec see it."""
    tool = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    return subprocess.run([tool, "-dc", path], check=True, capture_output=True).stdout if tool else path.read_bytes()


class Postgres:
    """A PostgreSQL 15 of our own, without the network and without care for its disk."""

    def __init__(self, folder):
        self.folder = folder
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(folder, self.user)
        os.chmod(folder, 0o755)
        self.run("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
        self.run("pg_ctl", "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o",
                 f"-c listen_addresses= -k {folder} -c fsync=off -c timezone=UTC", "start")

    def run(self, program, *arguments):
        prefix = ["runuser", "-u", self.user, "--"] if os.geteuid() == 0 else []
        subprocess.run([*prefix, POSTGRES / program, *arguments], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, cwd="/", timeout=120)

    def psql(self, sql, data=b""):
        done = subprocess.run(["psql", "-X", "-h", self.folder, "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1",
                               "-Atc", sql], input=data, capture_output=True, timeout=120)
        if done.returncode != 0:
            raise AssertionError(f"{sql[:200]}: {done.stderr.decode()[:2000]}")
        return done.stdout.decode()

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")


class CsvReaders(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-csv-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.arguments = ("--local-export-dir", str(cls.root), "--threads", "2")
        super().setUpClass()
        names = list(TYPES)
        rows = max(len(values) for _, values in TYPES.values()) + 1
        with cls.server.wire() as sql:
            sql.query(f"CREATE TABLE edges (id int, {', '.join(f'c{i} {name}' for i, name in enumerate(names))})")
            cls.rows = {}
            for row in range(rows):
                # Each column goes through its values and NULL at a pace of its own.
                values = [[*TYPES[name][1], None][row % (len(TYPES[name][1]) + 1)] for name in names]
                cells = ["NULL" if value is None else EXPRESSIONS.get((name, value)) or f"{quoted(value)}::{name}" for name, value in zip(names, values)]
                sql.query(f"INSERT INTO edges VALUES ({row}, {', '.join(cells)})")
                cls.rows[str(row)] = [value.ljust(5) if name == "char(5)" and value else value for name, value in zip(names, values)]
        cls.names = names

    def export(self, name, options):
        folder = self.root / name
        separator = ", " if options else ""
        self.assertEqual(self.sql.query(f"COPY edges TO 'file://{folder}' WITH (FORMAT = 'csv'{separator}{options})").tag,
                         f"COPY {len(self.rows)}")
        files = sorted(folder.iterdir())
        suffix = ".gz" if "gzip" in options else ".zst" if "zstd" in options else ""
        for file in files:
            self.assertTrue(file.name.endswith(".csv" + suffix), file.name)
        return files

    def same(self, kind, got, wanted):
        if got == wanted:
            return True
        # Files have JSON without blanks, PostgreSQL has it with them.
        return "jsonb" in kind and None not in (got, wanted) and got.replace(" ", "") == wanted.replace(" ", "")

    def check(self, seen, reader, null=None):
        """`seen`: rows of texts, the id first; `null`: what the reader has in a NULL's place."""
        self.assertEqual(sorted(int(row[0]) for row in seen), sorted(map(int, self.rows)), reader)
        for row in seen:
            for kind, got, wanted in zip(self.names, row[1:], self.rows[row[0]]):
                self.assertTrue(self.same(kind, got, null if wanted is None else wanted), f"{reader}, {kind}: {got!r}, not {wanted!r}")

    def test_python_reads_back_what_was_written(self):
        for number, (options, dialect, _) in enumerate(OPTIONS):
            with self.subTest(options):
                null = "\\N" if "'\\N'" in options else "null" if "'null'" in options else ""
                seen = []
                for file in self.export(f"python{number}", options):
                    rows = list(csv.reader(io.StringIO(plain_bytes(file).decode(), newline=""), strict=True, **dialect))
                    seen += rows[1:] if "HEADER" in options else rows
                self.check(seen, f"python, {options}", null)

    def test_gzip_is_read_by_pythons_own_module(self):
        files = self.export("gzip-module", "COMPRESSION = 'gzip'")
        self.assertEqual(b"".join(gzip.decompress(file.read_bytes()) for file in files), b"".join(map(plain_bytes, files)))

    @unittest.skipUnless(POSTGRES.is_dir(), "PostgreSQL 15 is not installed")
    def test_postgresql_copies_them_from(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pg-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        postgres = Postgres(folder)
        self.addCleanup(postgres.stop)
        columns = ", ".join(f"c{i} {TYPES[name][0]}" for i, name in enumerate(self.names))
        for number, (options, _, theirs) in enumerate(OPTIONS):
            with self.subTest(options):
                postgres.psql(f"DROP TABLE IF EXISTS edges; CREATE TABLE edges (id int, {columns})")
                for file in self.export(f"postgresql{number}", options):
                    separator = ", " if theirs else ""
                    postgres.psql(f"COPY edges FROM STDIN WITH (FORMAT csv{separator}{theirs})", plain_bytes(file))
                # Their casts to text differ from their text form in two.
                special = {"boolean": "left({}::text, 1)", "char(5)": "rpad({}, 5)"}
                cells = ", ".join(special.get(name, "{}::text").format(f"c{i}") for i, name in enumerate(self.names))
                # As one JSON value a row, so that psql's own form of texts is not in the way.
                lines = postgres.psql(f"SELECT array_to_json(ARRAY[id::text, {cells}]) FROM edges").splitlines()
                self.check([json.loads(line) for line in lines], f"PostgreSQL, {options}")

        # No column has records; an expression has, and PostgreSQL a text of it.
        record = """ROW(1, 'a,b', NULL::text, '', 'say "x" \\ (y)', true, date '0044-03-15 BC', ARRAY['p q', NULL], ROW('', 2.50))"""
        self.sql.query(f"COPY (SELECT {record} AS r) TO 'file://{self.root}/record' WITH (FORMAT csv)")
        text = "".join(plain_bytes(file).decode() for file in (self.root / "record").iterdir())
        self.assertEqual(next(csv.reader(io.StringIO(text, newline=""), strict=True)), [postgres.psql(f"SELECT ({record})::text").rstrip("\n")])

    def test_duckdb_reads_them_compressed_or_not(self):
        for codec in ("none", "gzip", "zstd"):
            with self.subTest(codec):
                files = self.export(f"duckdb-{codec}", f"COMPRESSION = '{codec}', NULL = '\\N'")
                for file in files:
                    # The reader of tests/ takes one folder of one format with a header; this needs other options.
                    out = harness.node("readers/csv.mjs", file, "\\N")
                    seen = json.loads(out)
                    self.assertTrue(all(len(row) == len(self.names) + 1 for row in seen))
                    for row in seen:
                        for kind, got, wanted in zip(self.names, row[1:], self.rows[row[0]]):
                            self.assertTrue(self.same(kind, got, wanted), f"DuckDB, {codec}, {kind}: {got!r}, not {wanted!r}")

    def test_values_of_10_mb_come_back(self):
        self.sql.query("""CREATE TABLE IF NOT EXISTS huge AS SELECT 1 AS id, repeat('a "quoted", text' || chr(10), 640000) AS v""")
        wanted = self.sql.query("SELECT md5(v), length(v) FROM huge").rows[0]
        import hashlib
        for codec in ("none", "gzip", "zstd"):
            folder = self.root / f"huge-{codec}"
            self.sql.query(f"COPY huge TO 'file://{folder}' WITH (FORMAT csv, COMPRESSION {codec})")
            text = b"".join(plain_bytes(file) for file in folder.iterdir()).decode()
            row = next(csv.reader(io.StringIO(text, newline=""), strict=True))
            self.assertEqual([hashlib.md5(row[1].encode()).hexdigest(), str(len(row[1]))], list(wanted), codec)
        if POSTGRES.is_dir():
            folder = pathlib.Path(tempfile.mkdtemp(prefix="pg-"))
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
            postgres = Postgres(folder)
            self.addCleanup(postgres.stop)
            postgres.psql("CREATE TABLE huge (id int, v text)")
            postgres.psql("COPY huge FROM STDIN WITH (FORMAT csv)", text.encode())
            self.assertEqual(postgres.psql("SELECT md5(v), length(v) FROM huge").strip().split("|"), list(wanted))

    def test_an_empty_result_is_a_file_that_readers_take(self):
        for codec, tool in (("gzip", "gzip"), ("zstd", "zstd")):
            for header in ("false", "true"):
                folder = self.root / f"empty-{codec}-{header}"
                self.sql.query(f"COPY (SELECT id FROM edges WHERE id < 0) TO 'file://{folder}' "
                               f"WITH (FORMAT csv, COMPRESSION {codec}, HEADER {header})")
                files = list(folder.iterdir())
                self.assertEqual(len(files), 1)
                subprocess.run([tool, "-tq", files[0]], check=True)
                self.assertEqual(plain_bytes(files[0]), b"id\n" if header == "true" else b"")

    def test_options_that_make_no_sense_are_refused(self):
        target = f"'file://{self.root}/refused'"
        for options, state, message in (
                ("FORMAT csv, COMPRESSION = 'lzma'", "22023", "unknown COMPRESSION for csv: lzma"),
                ("FORMAT csv, COMPRESSION gzip 10", "22023", "gzip has no level 10"),
                ("FORMAT csv, COMPRESSION = 'zstd x'", "22023", "its level is no whole number above 0"),
                ("FORMAT csv, COMPRESSION none 3", "22023", "COMPRESSION none has no levels"),
                ("FORMAT csv, FORCE QUOTE (nothing)", "42703", 'column "nothing" does not exist'),
                ("FORMAT parquet, FORCE QUOTE *", "0A000", "COPY FORCE QUOTE available only in CSV mode")):
            with self.subTest(options):
                self.assert_fault(f"COPY (SELECT id FROM edges) TO {target} WITH ({options})", state, message)
        self.assertFalse((self.root / "refused").exists())
        self.assert_fault("COPY edges TO STDOUT WITH (FORMAT csv, COMPRESSION gzip)", "22023")


class Sizes(harness.ServerTest):
    """MAX FILE SIZE counts compressed bytes, and no file passes it."""

    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-csv-sizes-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        # One writer, so that how its rows are shared out is not in question.
        cls.arguments = ("--local-export-dir", str(cls.root), "--threads", "1")
        super().setUpClass()

    def test_no_file_is_larger_and_full_ones_are_full(self):
        # Letters that can hardly be compressed, and a column that can.
        rows = 1_000_000
        source = f"""SELECT i, md5(i::text) || md5((i * 3)::text) || md5((i * 7)::text) AS noise,
                     repeat('the same ', i % 5) AS words FROM generate_series(1::bigint, {rows}::bigint) g(i)"""
        self.sql.query(f"CREATE TABLE noise AS {source}")
        for codec in ("gzip 1", "zstd"):
            folder = self.root / codec.replace(" ", "-")
            self.sql.query(f"COPY noise TO 'file://{folder}' WITH (FORMAT csv, COMPRESSION {codec}, MAX FILE SIZE '16MB')")
            sizes = sorted(file.stat().st_size for file in folder.iterdir())
            print(f"{codec}: {[round(size / 16 / MB, 4) for size in sizes]}")
            self.assertLessEqual(max(sizes), 16 * MB)
            self.assertGreater(max(sizes), 0.98 * 16 * MB)
            self.assertEqual(sum(plain_bytes(file).count(b"\n") for file in folder.iterdir()), rows)
            shutil.rmtree(folder)


if __name__ == "__main__":
    harness.main()
