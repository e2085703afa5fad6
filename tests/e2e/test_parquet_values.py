#!/usr/bin/python3
"""Every type and its edge values, in every profile and codec: what three readers make of the files is what was written, to
the bit, or the export was refused and has left nothing.

The values and what becomes of them are edge_values.py's; the readers, which share nothing with the writer or each other,
are readers/values.mjs's: DuckDB 1.5, hyparquet and Arrow's Rust reader."""

import collections
import hashlib
import itertools
import json
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import edge_values
import harness
import nested_values
import wire
from edge_values import CODECS, DEEPER, PROFILES, SCALARS

READERS = ["duckdb-1.5", "hyparquet", "arrow"]
LEVELS = ["zstd 1", "zstd 19", "gzip 1", "gzip 9"]
DEFAULT = next(profile for profile in PROFILES if profile.name == "default")
EVERY = list(itertools.product(PROFILES, [*CODECS, "zstd 19"]))
# Each profile and each codec at least once.
SOME = [(profile, CODECS[number % len(CODECS)]) for number, profile in enumerate(PROFILES)]
LONG = bool(os.environ.get("SLUICE_LONG_TESTS"))


def arrows_interval(in_file, kind, text):
    _, days, micros = edge_values.span(text)
    milliseconds = micros // 1000
    return [str(days), str(milliseconds if milliseconds < 2**31 else milliseconds - 2**32)]


# Which of hyparquet's defects, see readers/values.mjs, a profile's files of all types meet.
MENDS = {"materialize": ["decimal", "map"], "duckdb": ["decimal", "interval"]}
# What a reader cannot take though it is right: (reader, type in the file) -> what it makes of it. Arrow's drops months, and
# has a sign where Parquet has none.
CANNOT = {("arrow", "INTERVAL"): arrows_interval}


def reader_below(reader):
    """What lies below a scalar as this reader has it."""
    def scalar(in_file, kind, text):
        return CANNOT.get((reader, in_file), edge_values.below_scalar)(in_file, kind, text)
    return scalar


def columns():
    """{name: (kind, values)}: each type by itself, in a list, an array and a map; and what is deeper."""
    found = {}
    for name, (kind, values) in SCALARS.items():
        odd = [value for value in values if any(edge_values.refusal(profile, kind, value) for profile in PROFILES)]
        even = [value for value in values if value not in odd]
        # What some profile refuses is by itself, or it would keep the others out.
        lists = [[], [None], [*even, None], *([value, None] for value in odd)]
        found[name] = kind, values
        found[f"{name}_list"] = ("list", kind), lists
        found[f"{name}_array"] = ("array", kind), lists
        found[f"{name}_map"] = ("map", kind), [{f"k{n}": value for n, value in enumerate(values)} for values in lists]
    return found | DEEPER


def once(columns):
    """Rows in which each column has its values once, and then NULL. So the writer drops all dictionaries but those of keys."""
    count = max(len(values) for _, values in columns.values()) + 1
    return [{name: values[row] if row < len(values) else None for name, (_, values) in columns.items()} for row in range(count)]


def often(columns):
    """Rows in which each column goes through its values and NULL at a pace of its own: so the writer keeps its dictionary."""
    count = 2 * max(len(values) for _, values in columns.values()) + 2
    return [{name: [*values, None][row % (len(values) + 1)] for name, (_, values) in columns.items()} for row in range(count)]


def scalar_of(kind):
    """What lies in lists, arrays and maps."""
    return kind if isinstance(kind, str) else scalar_of(kind[1])


class ParquetValues(unittest.TestCase):
    numbers = itertools.count()
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-parquet-values-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = harness.Server("--local-export-dir", str(cls.folder), "--threads", "1")
        cls.addClassCleanup(cls.server.close)
        cls.columns = columns()
        cls.kinds = {name: kind for name, (kind, _) in cls.columns.items()}
        cls.kinds |= {f"{name}_record": ("record", kind, ("array", kind)) for name, (kind, _) in SCALARS.items()}
        cls.rows = {"once": once(cls.columns), "often": often(cls.columns)}
        with cls.server.wire() as sql:
            cls.fill(sql, "edges", cls.rows["once"])
            for profile, layout in itertools.product(PROFILES, cls.rows):
                cls.fill(sql, f"{layout}_{profile.name}", cls.taken(profile, layout))

    @classmethod
    def fill(cls, sql, table, rows):
        sql.query(f"CREATE TABLE {table} (row int, {', '.join(f'{name} {edge_values.sql_type(kind)}' for name, (kind, _) in cls.columns.items())})")
        values = [f"({number}, {', '.join(edge_values.sql(cls.kinds[name], value) for name, value in row.items())})" for number, row in enumerate(rows)]
        sql.query(f"INSERT INTO {table} VALUES {', '.join(values)}")

    @classmethod
    def taken(cls, profile, layout):
        """A layout's rows for this profile: NULL in place of what it refuses."""
        return [{name: None if edge_values.refusal(profile, cls.kinds[name], value) else value for name, value in row.items()} for row in cls.rows[layout]]

    def setUp(self):
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)

    def export(self, source, profile, codec, more="", target=None):
        target = target or self.folder / str(next(self.numbers))
        self.sql.query(f"COPY {source} TO 'file://{target}' WITH (FORMAT = 'parquet', PROFILE = '{profile.name}', COMPRESSION = '{codec}'{more})")
        return target

    def read(self, reader, folders):
        """Of each folder its rows in their order, and with DuckDB the columns' types."""
        found = json.loads(harness.node("readers/values.mjs", reader, *folders))
        for one in found:
            one["rows"].sort(key=lambda row: int(row.get("row") or row["ROW"]))
        return found

    # ---- what is exported, and what is to be read

    def source(self, profile, layout):
        if layout != "once":
            return f"{layout}_{profile.name}"
        # No column has records. Their fields' types are the engine's, to which a list is an array.
        records = [f"CASE WHEN {name} IS NOT NULL THEN ROW({name}, {name}_array) END AS {name}_record" for name in SCALARS]
        return f"(SELECT *, {', '.join(records)} FROM {layout}_{profile.name})"

    def wanted(self, reader, profile, layout):
        rows = self.taken(profile, layout)
        for row in rows if layout == "once" else []:
            row |= {f"{name}_record": None if row[name] is None else (row[name], row[f"{name}_array"]) for name in SCALARS}
        scalar = reader_below(reader)
        return [{"row": str(number), **{name: edge_values.below(profile, self.kinds[name], value, scalar) for name, value in row.items()}}
                for number, row in enumerate(rows)]

    # ---- the product

    def test_the_table_knows_all_types_profiles_and_codecs(self):
        absent = self.sql.query("""SELECT typname FROM pg_type WHERE typtype = 'b' AND left(typname, 1) <> '_' AND oid NOT IN
                                   (SELECT atttypid FROM pg_attribute WHERE attrelid = 'edges'::regclass)""").rows
        self.assertEqual({name for name, in absent}, {"record", "unknown", "void"})  # no column has these
        for option, known in (("PROFILE", {profile.name for profile in PROFILES}), ("COMPRESSION", set(CODECS))):
            fault = self.sql.fault(f"COPY edges TO 'file://{self.folder}/unknown' WITH (FORMAT = 'parquet', {option} = 'unknown')")
            self.assertEqual(set(re.findall(r"\b[a-z0-9_]+", fault.fields["H"])) - {"are", "and"}, known)

    def test_what_only_a_query_can_have(self):
        """The types that no column of a table has, but records, which are in all others' company below."""
        for kind, state, message in edge_values.REFUSED:
            fault = self.sql.fault(f"CREATE TABLE refused (v {kind})")
            self.assertEqual((fault.sqlstate, fault.message), (state, message))
        cells = {"n": "NULL", "u": "'it''s'", "v": "pg_sleep(0)", "t": "'23'::regtype", "c": "0::regclass", "s": "11::regnamespace", "p": "7::regproc"}
        source = f"(SELECT 0 AS row, {', '.join(f'{cell} AS {name}' for name, cell in cells.items())})"
        folders = [self.export(source, profile, codec) for profile, codec in SOME]
        wanted = {"row": "0", "n": None, "u": "t:it's", "v": "t:", "t": "t:integer", "c": "t:-", "s": "t:pg_catalog", "p": "t:7"}
        for reader in READERS:
            for (profile, _), found in zip(SOME, self.read(reader, folders)):
                self.assertEqual(found["rows"], [{profile.named(name): value for name, value in wanted.items()}], f"{profile.name}, {reader}")

    def test_every_reader_notices_a_changed_bit(self):
        """Of the comparison itself: it can fail, and says where."""
        folder = self.export("(SELECT row, id FROM edges)", DEFAULT, "none")
        changed = self.folder / "changed"
        shutil.copytree(folder, changed)
        file = next(changed.glob("*.parquet"))
        right = SCALARS["id"][1][-1].replace("-", "")
        other = right[:-1] + f"{int(right[-1], 16) ^ 1:x}"
        whole = file.read_bytes()
        self.assertEqual(whole.count(bytes.fromhex(right)), 1)
        file.write_bytes(whole.replace(bytes.fromhex(right), bytes.fromhex(other)))
        for reader in READERS:
            wanted = [{name: row[name] for name in ("row", "id")} for row in self.wanted(reader, DEFAULT, "once")]
            differences = [self.differences(DEFAULT, found, wanted, self.kinds) for found in self.read(reader, [folder, changed])]
            self.assertEqual(differences, [[], [f"id, row 3: {other}, not {right}"]])

    def test_every_value_in_every_profile_and_codec(self):
        for layout in self.rows:
            folders = [self.export(self.source(profile, layout), profile, codec) for profile, codec in EVERY]
            for reader in READERS:
                wanted = {profile: self.wanted(reader, profile, layout) for profile in PROFILES}
                for (profile, codec), found in zip(EVERY, self.read(reader, folders)):
                    with self.subTest(f"{layout}, {profile.name}, {codec}, {reader}"):
                        self.assertEqual(self.differences(profile, found, wanted[profile], self.kinds), [])
                        if reader == "hyparquet":
                            self.check_encodings(profile, layout, found["dictionaries"])
                            self.assertEqual(found["mends"], MENDS.get(profile.name, ["decimal"]))

    def check_encodings(self, profile, layout, dictionaries):
        """Both ways in which values can lie in a file were judged."""
        for name, (kind, _) in SCALARS.items():
            if kind != "boolean":
                self.assertEqual(profile.named(name) in dictionaries, layout == "often", name)

    def differences(self, profile, found, wanted, kinds):
        """Of what a reader has found in a folder, everything that it should not have."""
        rows = [{profile.named(name): value for name, value in row.items()} for row in wanted]
        if [row.keys() for row in found["rows"]] != [row.keys() for row in rows]:
            return ["other columns or rows"]
        values = [(f"{name}, row {number}", row[name], value) for number, (row, by_name) in enumerate(zip(found["rows"], rows))
                  for name, value in by_name.items()]
        forms = {profile.named(name): edge_values.form(profile, kind) for name, kind in [("row", "integer"), *kinds.items()]}
        values += [(f"type of {name}", kind.replace('"', ""), forms[name]) for name, kind in found.get("types", {}).items()]
        return [f"{what}: {value}, not {right}" for what, value, right in values if value != right]

    def test_hyparquet_is_kept_from_nothing_but_its_defects(self):
        """Without that it fails at these, and reads all else."""
        materialize, duckdb = (next(profile for profile in PROFILES if profile.name == name) for name in ("materialize", "duckdb"))
        digits = lambda kind: edge_values.digits(kind)[0] if edge_values.is_numeric(kind) else 0
        fine = [name for name, kind in self.kinds.items() if digits(scalar_of(kind)) <= 15 and not name.endswith("_record")]
        folders = [self.export(f"(SELECT row, {names} FROM once_{profile.name})", profile, "zstd") for names, profile in
                   ((", ".join(fine), DEFAULT), ("n38", DEFAULT), ("iv", duckdb), ("i_map", materialize))]
        all_else, decimals, intervals, maps = json.loads(harness.node("readers/values.mjs", "hyparquet-unmended", *folders))
        wanted = [{name: row[name] for name in ("row", *fine)} for row in self.wanted("hyparquet", DEFAULT, "once")]
        self.assertEqual(self.differences(DEFAULT, all_else, wanted, self.kinds), [])
        self.assertEqual([row["n38"] for row in decimals["rows"]][:2], [str(int(sign * 1e38)) for sign in (1, -1)])  # 9…9 was written
        self.assertEqual((intervals, maps), ({"error": "parquet interval not supported"}, {"error": "parquet map column missing keys"}))

    # ---- what lies within what

    def test_lists_arrays_maps_and_records_within_each_other(self):
        in_files = {"stored": lambda kind: kind, "computed": nested_values.computed}
        chosen = EVERY if LONG else SOME
        with self.server.wire() as sql:
            for profile in PROFILES:
                nested_values.create(sql, f"_{profile.name}", lambda kind, value: not self.nested_refusal(profile, kind, value))
        for relation, in_file in in_files.items():
            kinds = {name: in_file(kind) for name, kind in nested_values.KINDS[relation].items()}
            folders = [self.export(f"{relation}_{profile.name}", profile, codec) for profile, codec in chosen]
            for reader in READERS:
                for (profile, codec), found in zip(chosen, self.read(reader, folders)):
                    taken = nested_values.rows(relation, lambda kind, value: not self.nested_refusal(profile, kind, value))
                    wanted = [{"row": str(number), **{name: edge_values.below(profile, kinds[name], value, reader_below(reader))
                                                      for name, value in row.items()}} for number, row in enumerate(taken)]
                    with self.subTest(f"{relation}, {profile.name}, {codec}, {reader}"):
                        self.assertEqual(self.differences(profile, found, wanted, kinds), [])

    @staticmethod
    def nested_refusal(profile, kind, value):
        return edge_values.refusal(profile, nested_values.computed(kind) if nested_values.has_record(kind) else kind, value)

    # ---- what is refused

    def refused(self):
        """Each value that a profile refuses: (profile, column, its kind, row of the table, an expression, the error)."""
        rows = self.rows["once"]
        for profile, (name, kind) in itertools.product(PROFILES, self.kinds.items()):
            for number, row in enumerate(rows):
                of = name.removesuffix("_record")
                value = (row[of],) if kind[0] == "record" else row[name]
                error = edge_values.refusal(profile, kind[:2] if kind[0] == "record" else kind, value)
                if error:
                    yield profile, name, number, f"ROW({of})" if kind[0] == "record" else name, error

    def assert_refused(self, source, profile, codec, name, error):
        target = self.folder / "refused"
        with self.assertRaises(wire.Fault, msg=f"{profile.name} takes {source}") as raised:
            self.sql.query(f"COPY {source} TO 'file://{target}' WITH (FORMAT = 'parquet', PROFILE = '{profile.name}', COMPRESSION = '{codec}')")
        sqlstate, message = error
        fault = raised.exception
        self.assertEqual((fault.sqlstate, message in fault.message), (sqlstate, True), fault)
        self.assertIn(f'column "{profile.named(name)}"', fault.message)
        self.assertIn("PROFILE 'default'", fault.fields["H"])
        self.assertEqual(list(target.rglob("*")), [])

    def test_every_value_that_a_profile_refuses_is_named_and_leaves_nothing(self):
        counts = collections.Counter()
        for (profile, name, number, expression, error), codec in zip(self.refused(), itertools.cycle(CODECS)):
            with self.subTest(f"{profile.name}, {name}, row {number}"):
                self.assert_refused(f"(SELECT row, {expression} AS {name} FROM edges WHERE row = {number})", profile, codec, name, error)
                counts[profile.name] += 1
        self.assertEqual({profile.name for profile in PROFILES} - {"default"}, set(counts))

    def test_one_refused_value_behind_many_leaves_nothing(self):
        tried = set()
        for profile, name, number, expression, error in self.refused():
            if (profile, name) in tried or name not in SCALARS and name not in DEEPER:
                continue
            tried.add((profile, name))
            good = next(n for n, row in enumerate(self.rows["once"]) if not edge_values.refusal(profile, self.kinds[name], row[name]))
            with self.subTest(f"{profile.name}, {name}"):
                self.assert_refused(f"""(SELECT {name} FROM (SELECT {name} FROM edges CROSS JOIN generate_series(1, 150000) WHERE row = {good}
                                         UNION ALL SELECT {name} FROM edges WHERE row = {number}))""", profile, "none", name, error)

    # ---- what is large

    def test_values_of_ten_megabytes_in_every_profile_and_codec(self):
        size = 10 << 20
        piece = hashlib.md5(b"1").hexdigest() + 'a "quoted", text\n' + "äöü'\t\\" + "x" * 7
        count = size // len(piece) + 1
        json_piece = piece.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        of = edge_values.quoted
        forms = {
            "te": ("text", f"repeat({of(piece)}, {count})", edge_values.shown(piece * count)),
            "ba": ("bytea", f"repeat('b', {size})::bytea", edge_values.shown("b" * size)),
            "js": ("jsonb", f"""('"' || repeat({of(json_piece)}, {count}) || '"')::jsonb""", edge_values.shown('"' + json_piece * count + '"')),
            "li": ("text list", f"LIST[repeat({of(piece)}, {count}), NULL, '']", [edge_values.shown(piece * count), None, "t:"]),
        }
        wanted = [{"row": str(number), **{name: value if name == filled else None for name, (_, _, value) in forms.items()}}
                  for number, filled in enumerate([None, *forms, None])]
        self.sql.query(f"CREATE TABLE huge (row int, {', '.join(f'{name} {kind}' for name, (kind, _, _) in forms.items())})")
        self.sql.query("INSERT INTO huge (row) VALUES (0), (5)")
        for number, (name, (_, value, _)) in enumerate(forms.items(), 1):
            self.sql.query(f"INSERT INTO huge (row, {name}) SELECT {number}, {value}")
        chosen = EVERY if LONG else SOME
        folders = [self.export("huge", profile, codec) for profile, codec in chosen]
        for reader in READERS:
            for (profile, codec), found in zip(chosen, self.read(reader, folders)):
                with self.subTest(f"{profile.name}, {codec}, {reader}"):
                    self.assertEqual(found["rows"], [{profile.named(name): value for name, value in row.items()} for row in wanted])

    def test_pages_and_groups_of_every_codec_join_to_the_whole(self):
        source = """(SELECT i AS row, md5(i::text) AS h, i % 7 AS k, CASE WHEN i % 3 > 0 THEN i / 4.0 END AS n,
                     CASE WHEN i % 5 > 0 THEN LIST[i::text, NULL, 'x'] END AS l FROM generate_series(1, 60000) AS g(i))"""
        root = self.folder / "whole"
        for codec in CODECS + LEVELS:
            self.export(source, DEFAULT, codec, ", ROW GROUP SIZE '1MB'", root / codec.replace(" ", "-"))
        sums = json.loads(harness.node("readers/read.mjs", "duckdb", root / "*", "parquet", f"""
            SELECT count(*)::text, sum(row)::text, sum(k)::text, count(n)::text, sum(n)::text, bit_xor(hash(h, l::text))::text, sum(len(l))::text
            FROM read_parquet('{root}/*/*.parquet', filename = true) GROUP BY filename"""))
        self.assertEqual(sums, [sums[0]] * len(CODECS + LEVELS))
        self.assertEqual(sums[0][:2], ["60000", str(60_000 * 60_001 // 2)])

    def test_page_indexes_lead_to_the_right_pages(self):
        folder = self.export("(SELECT i AS id FROM generate_series(1, 100000) g(i))", DEFAULT, "snappy")
        found = json.loads(harness.node("readers/read.mjs", "hyparquet-range", folder, "id", 77_000, 77_003))
        pages = found["pages"]
        self.assertGreater(len(pages), 2)
        for (first, least, greatest, nulls), following in zip(pages, [*pages[1:], (100_000,)]):
            self.assertEqual((int(least), int(greatest), int(nulls)), (first + 1, following[0], 0))
        self.assertEqual([int(row["id"]) for row in found["rows"]], [77_001, 77_002, 77_003])
        self.assertLess(found["read"], next(folder.glob("*.parquet")).stat().st_size / 2)


if __name__ == "__main__":
    harness.main()
