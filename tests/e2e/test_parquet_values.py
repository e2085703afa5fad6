#!/usr/bin/python3
"""Every type, its edge values and every codec: what three readers make of the files is what was written, to the bit.

DuckDB 1.5 gives texts of the values; hyparquet and Arrow's Rust reader what lies below (readers/values.mjs)."""

import collections
import hashlib
import json
import pathlib
import re
import shutil
import struct
import tempfile
import unittest

import harness
from test_parquet_types import NULL, TYPES

CODECS = ["snappy", "zstd", "gzip", "lz4_raw", "none"]
LEVELS = ["zstd 1", "zstd 19", "gzip 1", "gzip 9"]

# More of nesting than readers' texts of it can be told apart by: (name, type, [(value, what lies below)]).
NESTED = [
    ("lll", "int list list list", [("{{{1},{},NULL},{},NULL,{{NULL,2}}}", [[[1], [], None], [], None, [[None, 2]]]), ("{{{}}}", [[[]]]), ("{}", [])]),
    ("mm", "map[text=>map[text=>int]]", [('{a=>{x=>1,y=>NULL},b=>{},c=>NULL,"ä, b"=>{z=>3}}',
                                          [["a", [["x", 1], ["y", None]]], ["b", []], ["c", None], ["ä, b", [["z", 3]]]])]),
    ("lm", "map[text=>text] list", [("{{a=>x,b=>NULL},{},NULL}", [[["a", "x"], ["b", None]], [], None])]),
]
BELOW = {
    "ai": [[], [None], [1, None, -3]], "tx": [["", None, "a,b"]], "an": [[150, None, -1]], "aiv": [["00:00:01", None]], "li": [[], [1, None]],
    "ll": [[[1, 2], [], None, [None]], []], "mi": [[], [["a", 1], ["b", None]]], "ml": [[["a", ["x", None]], ["b", None]]],
}
UNIX_DAY = 719_468  # from the first of March of the year 0


def days(text):
    """'0044-03-15 (BC)' as a number of days since 1970."""
    year, month, day = map(int, re.match(r"(\d+)-(\d+)-(\d+)", text).groups())
    year = 1 - year if "(BC)" in text else year
    year -= month < 3
    era, of_era = divmod(year, 400)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - UNIX_DAY


def micros(text):
    hours, minutes, seconds, fraction = re.search(r"(\d\d):(\d\d):(\d\d)(?:\.(\d+))?", text).groups()
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000_000 + int((fraction or "0").ljust(6, "0"))


def shown(number):
    """A floating point number as JavaScript has it, near enough to be compared as one."""
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity", "-0.0": "-0"}.get(number, float(number))


def texts(value):
    """Leaves of a nested value as values.mjs shows them."""
    if isinstance(value, list):
        return [texts(item) for item in value]
    return value if value is None else str(value) if isinstance(value, int) else "t:" + value


def key(value):
    return value.removeprefix("t:") if isinstance(value, str) else value


def below(name, kind, given, text):
    """What lies below the value that is written as `given`, and printed as `text` by DuckDB."""
    if kind == "boolean":
        return text == "true"
    if kind in ("real", "double precision"):
        return shown(text)
    if kind.startswith("numeric"):
        return str(int(text.replace(".", "")))
    if kind == "date":
        return str(days(text))
    if kind == "time":
        return str(micros(text))
    if kind in ("timestamp", "timestamptz"):
        return str(days(text) * 86_400_000_000 + micros(text))
    if kind == "uuid":
        return text.replace("-", "")
    if kind == "bytea":
        return given.removeprefix("\\x")
    if kind in ("text", "varchar(5)", "interval", "jsonb"):
        return "t:" + text
    return text


class ParquetValues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-parquet-values-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = harness.Server("--local-export-dir", str(cls.folder), "--threads", "1")
        cls.addClassCleanup(cls.server.close)
        columns = [(name, kind, [value for value, _ in values]) for name, kind, values in TYPES + NESTED]
        cls.rows = max(len(values) for _, _, values in columns) + 1
        cls.wanted = {name: cls.column(name, kind, values) for name, kind, values in TYPES}
        cls.wanted |= {name: [texts(value) for _, value in values] for name, _, values in NESTED}
        quoted = lambda value: "'" + value.replace("'", "''") + "'"
        with cls.server.wire() as sql:
            sql.query(f"CREATE TABLE edges (row int, {', '.join(f'{name} {kind}' for name, kind, _ in columns)})")
            for row in range(cls.rows):
                values = [f"{quoted(values[row])}::{kind}" if row < len(values) else "NULL" for _, kind, values in columns]
                sql.query(f"INSERT INTO edges VALUES ({row}, {', '.join(values)})")
            sql.query("CREATE TABLE huge (row int, t text, l text list)")
            sql.query(f"""INSERT INTO huge SELECT n, CASE n WHEN 2 THEN NULL ELSE repeat(md5(n::text), n * {10 << 20} / 32) END,
                          CASE n WHEN 1 THEN LIST[repeat('ä', {5 << 20}), NULL, ''] END FROM generate_series(0, 2) AS g(n)""")

    @staticmethod
    def column(name, kind, values):
        return [texts(value) for value in BELOW[name]] if name in BELOW else [below(name, kind, *value) for value in values]

    def export(self, source, codecs, more=""):
        """A folder for each codec, all in one."""
        root = self.folder / self.id().rsplit(".", 1)[1]
        with self.server.wire() as sql:
            for codec in codecs:
                sql.query(f"COPY {source} TO 'file://{root / codec.replace(' ', '-')}' "
                          f"WITH (FORMAT = 'parquet', PROFILE = 'default', COMPRESSION = '{codec}'{more})")
        return root

    def values(self, reader, root):
        """Of each codec's folder its rows in their order."""
        found = json.loads(harness.node("readers/values.mjs", reader, *(root / codec for codec in CODECS)))
        return {codec: sorted(rows, key=lambda row: int(row["row"])) for codec, rows in zip(CODECS, found)}

    def texts(self, root, columns, more):
        """The same as texts by DuckDB 1.5; {codec: rows}."""
        found = collections.defaultdict(list)
        files = f"read_parquet('{root}/*/*.parquet', filename = true)"
        for name, *row in json.loads(harness.node("readers/read.mjs", "duckdb-1.5", root / "*", "parquet", f"SELECT filename, {columns} FROM {files} {more}")):
            found[pathlib.Path(name).parent.name].append(row)
        return found

    def check(self, reader, rows):
        self.assertEqual(len(rows), self.rows)
        for name, wanted in self.wanted.items():
            for row, value in zip(rows, wanted + [NULL] * (self.rows - len(wanted))):
                got = row[name]
                if isinstance(value, float):
                    got = struct.unpack("f", struct.pack("f", float(got)))[0] if name == "re" else float(got)
                    value = struct.unpack("f", struct.pack("f", value))[0] if name == "re" else value
                elif name in ("mi", "ml", "mm", "lm"):
                    # Keys may come as what JavaScript has for keys.
                    got, value = self.with_plain_keys(got), self.with_plain_keys(value)
                self.assertEqual(got, value, f"{reader}, {name}")

    def with_plain_keys(self, value):
        if not isinstance(value, list):
            return value
        return [self.with_plain_keys(item) if isinstance(item, list) else key(item) for item in value]

    def test_every_value_in_every_codec(self):
        root = self.export("edges", CODECS)
        for reader in ("hyparquet", "arrow"):
            for codec, rows in self.values(reader, root).items():
                with self.subTest(f"{codec}, {reader}"):
                    self.check(reader, rows)
        by_codec = self.texts(root, ", ".join(f"{name}::text" for name, _, _ in TYPES), "ORDER BY row")
        self.assertEqual(set(by_codec), set(CODECS))
        for codec, rows in by_codec.items():
            with self.subTest(f"{codec}, DuckDB 1.5"):
                for column, (name, kind, values) in enumerate(TYPES):
                    wanted = [text for _, text in values] + [NULL] * (self.rows - len(values))
                    self.assertEqual([row[column] for row in rows], wanted, name)

    def test_values_of_ten_megabytes_in_every_codec(self):
        root = self.export("huge", CODECS)
        sha256 = lambda data: hashlib.sha256(data).hexdigest()
        text = sha256(hashlib.md5(b"1").hexdigest().encode() * ((10 << 20) // 32))
        item = sha256(("ä" * (5 << 20)).encode())
        for reader in ("hyparquet", "arrow"):
            for codec, rows in self.values(reader, root).items():
                with self.subTest(f"{codec}, {reader}"):
                    self.assertEqual([(row["t"], row["l"]) for row in rows], [("t:", NULL), (text, [item, NULL, "t:"]), (NULL, NULL)])
        for codec, rows in self.texts(root, "sha256(t), sha256(l[1]), len(l)::text", "ORDER BY row").items():
            with self.subTest(f"{codec}, DuckDB 1.5"):
                self.assertEqual(rows, [[sha256(b""), NULL, NULL], [text, item, "3"], [NULL, NULL, NULL]])

    def test_pages_and_groups_of_every_codec_join_to_the_whole(self):
        source = """(SELECT i AS row, md5(i::text) AS h, i % 7 AS k, CASE WHEN i % 3 > 0 THEN i / 4.0 END AS n,
                     CASE WHEN i % 5 > 0 THEN LIST[i::text, NULL, 'x'] END AS l FROM generate_series(1, 60000) AS g(i))"""
        root = self.export(source, CODECS + LEVELS, ", ROW GROUP SIZE '1MB'")
        sums = self.texts(root, """count(*)::text, sum(row)::text, sum(k)::text, count(n)::text, sum(n)::text, bit_xor(hash(h, l::text))::text, sum(len(l))::text""",
                          "GROUP BY filename")
        self.assertEqual(len(sums), len(CODECS + LEVELS))
        one = next(iter(sums.values()))
        for codec, rows in sums.items():
            self.assertEqual(rows, one, codec)
        self.assertEqual(one[0][:2], ["60000", str(60_000 * 60_001 // 2)])


if __name__ == "__main__":
    harness.main()
