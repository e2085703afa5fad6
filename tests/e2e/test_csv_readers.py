#!/usr/bin/python3
"""CSV files of all types and edge values, with all options, profiles and codecs, read back by programs that are not ours:
Python's csv, PostgreSQL 15's COPY FROM and the read_csv of DuckDB 1.5. And compressed files of a bounded size."""

import csv
import dataclasses
import gzip
import hashlib
import io
import itertools
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import edge_values
import harness
import nested_values
from postgres import POSTGRES, Postgres

csv.field_size_limit(1 << 30)
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
# Their text form is PostgreSQL's name of the thing; in a column of ours it is the number, as the reference has it.
REGISTERED = ("regtype", "regclass", "regproc", "regnamespace")
# {(type, text form): an expression}: no text is read as an array of arrays of different lengths.
EXPRESSIONS = {}


def text_form(kind, value, within=""):
    """Of a value of edge_values.py, on its own or within a list, a map or a record, as docs/formats.md has it."""
    if value is None:
        return {"": None, "record": ""}.get(within, "NULL")
    if isinstance(kind, str):
        text = {"true": "t", "false": "f"}[value] if kind == "boolean" else value
        return item(text, within) if within else text
    if kind[0] == "record":
        text = "(" + ",".join(text_form(part, field, "record") for part, field in zip(kind[1:], value)) + ")"
        return item(text, within) if within else text
    if kind[0] == "map":
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode())
        text = "{" + ",".join(f"{item(name, 'map')}=>{text_form(kind[1], part, 'map')}" for name, part in pairs) + "}"
    else:
        text = "{" + ",".join(text_form(kind[1], part, "list") for part in value) + "}"
    return item(text, within) if within == "record" else text


def item(text, within):
    special = {"list": '{}"\\,', "map": '{}"\\,=>', "record": '()"\\,'}[within]
    is_null = text.upper() == "NULL" and within != "record"
    if text and not is_null and not any(c in special or c.isspace() for c in text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '""' if within == "record" else '\\"') + '"'


def add_edge_values():
    def add(kind, theirs, values):
        theirs, own = TYPES.get(edge_values.sql_type(kind), (theirs, []))
        TYPES[edge_values.sql_type(kind)] = theirs, list(dict.fromkeys([*own, *(text_form(kind, value) for value in values)]))

    for kind, values in edge_values.SCALARS.values():
        values = [value for value in values if not value.endswith("+02")]  # files are in UTC
        # Within others it is not padded, which for PostgreSQL it is.
        values = [value.rstrip(" ") for value in values] if kind == "char(5)" else values
        theirs = "text" if kind == "char(5)" else THEIRS.get(kind, kind)
        add(kind, theirs, values)
        add(("array", kind), f"{theirs}[]", [[], [None], [*values, None]])
        add(("list", kind), f"{theirs}[]", [[], [None], [*values, None]])
        add(("map", kind), "text", [{}, {"k": None}, {f"k{n}": value for n, value in enumerate(values)}])
    for kind, values in edge_values.DEEPER.values():
        add(kind, "text", values)
        EXPRESSIONS.update({(edge_values.sql_type(kind), text_form(kind, value)): edge_values.sql(kind, value) for value in values})


add_edge_values()


@dataclasses.dataclass
class Relation:
    """What is exported, and what a reader has to find in it."""
    source: str
    kinds: list      # of the columns behind the first, which is the row's number
    theirs: list     # PostgreSQL's types for them
    rows: dict       # {number as a text: texts, None for NULL}
    types: list = dataclasses.field(default_factory=list)  # statements that make PostgreSQL's types


def nested_relation(name):
    """One of nested_values.py."""
    kinds, types = nested_values.KINDS[name], []

    def theirs(kind):
        if isinstance(kind, str):
            return kind
        if kind[0] == "record":
            fields = ", ".join(f"f{n} {theirs(part)}" for n, part in enumerate(kind[1:], 1))
            types.append(f"CREATE TYPE {name}_{len(types)} AS ({fields})")
            return f"{name}_{len(types) - 1}"
        # It has no maps, and no arrays in which others are of different lengths.
        return f"{theirs(kind[1])}[]" if kind[0] != "map" and (isinstance(kind[1], str) or kind[1][0] == "record") else "text"

    rows = {str(number): [text_form(kinds[column], value) for column, value in row.items()]
            for number, row in enumerate(nested_values.rows(name, lambda kind, value: True))}
    columns = ", ".join(f"{column} AS c{number}" for number, column in enumerate(kinds))
    return Relation(f"(SELECT row AS id, {columns} FROM {name})", [str(kind) for kind in kinds.values()], [theirs(kind) for kind in kinds.values()], rows, types)


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


CODECS = ["none", "gzip", "zstd"]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def shown(text):
    """As readers/csv.mjs shows texts."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest() if len(text) > 4096 else text


def plain_bytes(path):
    """A file's text, as the tools of its codec see it."""
    tool = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    return subprocess.run([tool, "-dc", path], check=True, capture_output=True).stdout if tool else path.read_bytes()


class CsvReaders(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-csv-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.arguments = ("--local-export-dir", str(cls.root), "--threads", "2")
        super().setUpClass()
        with cls.server.wire() as sql:
            cls.relations = {"edges": cls.create_edges(sql), **{name: nested_relation(name) for name in nested_values.KINDS}}
            nested_values.create(sql)

    @classmethod
    def create_edges(cls, sql):
        names = list(TYPES)
        sql.query(f"CREATE TABLE edges (id int, {', '.join(f'c{i} {name}' for i, name in enumerate(names))})")
        rows = {}
        for row in range(max(len(values) for _, values in TYPES.values()) + 1):
            # Each column goes through its values and NULL at a pace of its own.
            values = [[*TYPES[name][1], None][row % (len(TYPES[name][1]) + 1)] for name in names]
            cells = ["NULL" if value is None else EXPRESSIONS.get((name, value)) or f"{quoted(value)}::{name}" for name, value in zip(names, values)]
            sql.query(f"INSERT INTO edges VALUES ({row}, {', '.join(cells)})")
            rows[str(row)] = [value.ljust(5) if name == "char(5)" and value else value for name, value in zip(names, values)]
        return Relation("edges", names, [theirs for theirs, _ in TYPES.values()], rows)

    @classmethod
    def postgres(cls):
        """One for all tests, from the first that asks."""
        if not hasattr(cls, "started"):
            folder = pathlib.Path(tempfile.mkdtemp(prefix="pg-"))
            cls.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
            cls.started = Postgres(folder)
            cls.addClassCleanup(cls.started.stop)
        return cls.started

    def export(self, name, relation, options):
        folder = self.root / name
        separator = ", " if options else ""
        tag = self.sql.query(f"COPY {relation.source} TO 'file://{folder}' WITH (FORMAT = 'csv'{separator}{options})").tag
        self.assertEqual(tag, f"COPY {len(relation.rows)}")
        files = sorted(folder.iterdir())
        suffix = ".gz" if "gzip" in options else ".zst" if "zstd" in options else ""
        for file in files:
            self.assertTrue(file.name.endswith(".csv" + suffix), file.name)
        return files

    def read(self, files, options, dialect):
        """As Python's csv has them."""
        rows = [list(csv.reader(io.StringIO(plain_bytes(file).decode(), newline=""), strict=True, **dialect)) for file in files]
        return list(itertools.chain(*(part[1:] if "HEADER" in options else part for part in rows)))

    def same(self, kind, got, wanted):
        if got == wanted:
            return True
        # Files have JSON without blanks, PostgreSQL has it with them.
        return "jsonb" in kind and None not in (got, wanted) and got.replace(" ", "") == wanted.replace(" ", "")

    def check(self, relation, seen, reader, null=None, form=str):
        """`seen`: rows of texts, the number first; `null`: what the reader has in a NULL's place; `form`: and in a text's."""
        self.assertEqual(sorted(int(row[0]) for row in seen), sorted(map(int, relation.rows)), reader)
        for row in seen:
            self.assertEqual(len(row), len(relation.kinds) + 1, reader)
            for kind, got, wanted in zip(relation.kinds, row[1:], relation.rows[row[0]]):
                if not self.same(kind, got, null if wanted is None else form(wanted)):
                    self.fail(f"{reader}, {kind}: {got!r:.500}, not {wanted!r:.500}")

    def test_every_type_that_a_column_can_have_is_here(self):
        absent = self.sql.query("""SELECT typname FROM pg_type WHERE typtype = 'b' AND left(typname, 1) <> '_' AND oid NOT IN
                                   (SELECT atttypid FROM pg_attribute WHERE attrelid = 'edges'::regclass)""").rows
        # Relation `computed` has records; the others are in the next test.
        self.assertEqual({name for name, in absent}, {"record", "unknown", "void"})
        for kind, state, message in edge_values.REFUSED:
            self.assert_fault(f"CREATE TABLE refused (v {kind})", state, message)

    def test_what_only_a_query_can_have(self):
        registered = {"regtype": 23, "regclass": 1259, "regnamespace": 11}
        oids = [(kind, oid) for kind in REGISTERED for oid in (registered.get(kind, 0), 0, 4294967295)]
        cells = ["NULL", "'it''s'", "pg_sleep(0)", *(f"{oid}::{kind}" for kind, oid in oids)]
        columns = ", ".join(f"{cell} AS c{number}" for number, cell in enumerate(cells))
        kinds = ["unknown", "unknown", "void", *(kind for kind, _ in oids)]
        (row,) = self.read(self.export("expressions", Relation(f"(SELECT {columns})", kinds, [], {"": []}), ""), "", {})
        wanted = ["", "it's", "", *(["integer", "-", "4294967295", "pg_class", "-", "4294967295", "-", "-", "4294967295", "pg_catalog", "-", "4294967295"])]
        self.assertEqual(row, wanted)
        if POSTGRES.is_dir():
            theirs = ", ".join(f"{oid}::oid::{kind}::text" for kind, oid in oids)
            self.assertEqual(json.loads(self.postgres().psql(f"SELECT array_to_json(ARRAY[{theirs}])")), wanted[3:])

    def test_python_reads_back_what_was_written(self):
        for (name, relation), (number, (options, dialect, _)) in itertools.product(self.relations.items(), enumerate(OPTIONS)):
            with self.subTest(f"{name}, {options}"):
                null = "\\N" if "'\\N'" in options else "null" if "'null'" in options else ""
                seen = self.read(self.export(f"python-{name}-{number}", relation, options), options, dialect)
                self.check(relation, seen, f"Python, {options}", null)

    def test_a_profile_changes_nothing(self):
        for profile, codec in itertools.product(edge_values.PROFILES, CODECS):
            with self.subTest(f"{profile.name}, {codec}"):
                options = f"PROFILE = '{profile.name}', COMPRESSION = '{codec}'"
                seen = self.read(self.export(f"profile-{profile.name}-{codec}", self.relations["edges"], options), options, {})
                self.check(self.relations["edges"], seen, f"Python, {options}", "")

    def test_gzip_is_read_by_pythons_own_module(self):
        files = self.export("gzip-module", self.relations["edges"], "COMPRESSION = 'gzip'")
        self.assertEqual(b"".join(gzip.decompress(file.read_bytes()) for file in files), b"".join(map(plain_bytes, files)))

    @unittest.skipUnless(POSTGRES.is_dir(), "PostgreSQL 15 is not installed")
    def test_postgresql_copies_them_from(self):
        postgres = self.postgres()
        for name, relation in self.relations.items():
            columns = ", ".join(f"c{i} {theirs}" for i, theirs in enumerate(relation.theirs))
            postgres.psql("; ".join([*relation.types, f"CREATE TABLE {name} (id int, {columns})"]))
            for number, (options, _, theirs) in enumerate(OPTIONS):
                with self.subTest(f"{name}, {options}"):
                    postgres.psql(f"TRUNCATE {name}")
                    for file in self.export(f"postgresql-{name}-{number}", relation, options):
                        separator = ", " if theirs else ""
                        postgres.psql(f"COPY {name} FROM STDIN WITH (FORMAT csv{separator}{theirs})", plain_bytes(file))
                    self.check(relation, self.in_postgres(postgres, name, relation), f"PostgreSQL, {options}")

    def in_postgres(self, postgres, name, relation):
        # Their casts to text differ from their text form, or from ours.
        special = {"boolean": "left({}::text, 1)", "char(5)": "rpad({}, 5)"} | {kind + more: f"{{}}::oid{more}::text" for kind in REGISTERED for more in ("", "[]")}
        cells = ", ".join(special.get(theirs, "{}::text").format(f"c{i}") for i, theirs in enumerate(relation.theirs))
        # As one JSON value a row, so that psql's own form of texts is not in the way.
        return [json.loads(line) for line in postgres.psql(f"SELECT array_to_json(ARRAY[id::text, {cells}]) FROM {name}").splitlines()]

    @unittest.skipUnless(POSTGRES.is_dir(), "PostgreSQL 15 is not installed")
    def test_a_record_is_as_postgresql_writes_it(self):
        record = """ROW(1, 'a,b', NULL::text, '', 'say "x" \\ (y)', true, date '0044-03-15 BC', ARRAY['p q', NULL], ROW('', 2.50))"""
        relation = Relation(f"(SELECT {record} AS r)", ["record"], [], {"": []})
        ((text,),) = self.read(self.export("record", relation, ""), "", {})
        self.assertEqual(text, self.postgres().psql(f"SELECT ({record})::text").rstrip("\n"))

    def in_duckdb(self, files):
        return [row for rows in json.loads(harness.node("readers/csv.mjs", "\\N", *files)) for row in rows]

    def test_duckdb_reads_them_compressed_or_not(self):
        for (name, relation), codec in itertools.product(self.relations.items(), CODECS):
            with self.subTest(f"{name}, {codec}"):
                files = self.export(f"duckdb-{name}-{codec}", relation, f"COMPRESSION = '{codec}', NULL = '\\N'")
                self.check(relation, self.in_duckdb(files), f"DuckDB, {codec}", form=shown)

    def huge(self):
        """A value of 10 MB of each form that has one, with quotes, commas and lines inside."""
        size = 10 << 20
        piece = hashlib.md5(b"1").hexdigest() + 'a "quoted", text\r\n' + "äöü'\t\\\n"
        count = size // len(piece) + 1
        json_piece = json.dumps(piece, ensure_ascii=False)[1:-1]
        forms = {"text": (f"repeat({quoted(piece)}, {count})", piece * count),
                 "bytea": (f"repeat('\",\n'::text, {size // 3 + 1})::bytea", "\\x" + "222c0a" * (size // 3 + 1)),
                 "jsonb": (f"""('"' || repeat({quoted(json_piece)}, {count}) || '"')::jsonb""", '"' + json_piece * count + '"'),
                 "text list": (f"LIST[repeat({quoted(piece)}, {count}), NULL, '']", "{" + item(piece * count, "list") + ',NULL,""}')}
        self.sql.query(f"CREATE TABLE huge (id int, {', '.join(f'c{n} {kind}' for n, kind in enumerate(forms))})")
        self.sql.query("INSERT INTO huge (id) VALUES (9)")
        for n, (expression, _) in enumerate(forms.values()):
            self.sql.query(f"INSERT INTO huge (id, c{n}) SELECT {n}, {expression}")
        rows = {str(n): [text if n == other else None for other, (_, text) in enumerate(forms.values())] for n in (*range(len(forms)), 9)}
        return Relation("huge", list(forms), ["text", "bytea", "jsonb", "text[]"], rows)

    def test_values_of_10_mb_come_back(self):
        relation = self.huge()
        for codec in CODECS:
            options = f"COMPRESSION = '{codec}', NULL = '\\N'"
            files = self.export(f"huge-{codec}", relation, options)
            self.check(relation, self.read(files, options, {}), f"Python, {codec}", "\\N")
            self.check(relation, self.in_duckdb(files), f"DuckDB, {codec}", form=shown)
        if POSTGRES.is_dir():  # that has no codecs, and is given the last one's text
            postgres = self.postgres()
            postgres.psql(f"CREATE TABLE huge (id int, {', '.join(f'c{n} {kind}' for n, kind in enumerate(relation.theirs))})")
            for file in files:
                postgres.psql("COPY huge FROM STDIN WITH (FORMAT csv, NULL '\\N')", plain_bytes(file))
            self.check(relation, self.in_postgres(postgres, "huge", relation), "PostgreSQL")

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
