#!/usr/bin/python3
"""COPY's options for Parquet, and what files say of themselves, as DuckDB 1.5 sees it."""

import hashlib
import json
import pathlib
import shutil
import tempfile

import harness

MB = 1 << 20
ROWS = 130_000
ONE = 65_000  # an id


class ParquetOptions(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-parquet-options-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        # One writer, so that where its rows lie is not in question.
        cls.arguments = ("--local-export-dir", str(cls.folder), "--threads", "1")
        super().setUpClass()
        with cls.server.wire() as sql:
            sql.query("CREATE TABLE t (id bigint, h text, few text, amount numeric(12,2), rate float8, flag boolean)")
            sql.query(f"""INSERT INTO t SELECT i, md5(i::text), substr(md5((i * 3)::text), 1, 2), i / 4.0, i / 8.0::float8, i % 2 = 0
                          FROM generate_series(1::bigint, {ROWS}::bigint) AS g(i)""")

    def setUp(self):
        super().setUp()
        self.path = self.id().rsplit(".", 1)[1]

    def copy(self, options, source="t", form="parquet"):
        return f"COPY {source} TO 'file://{self.folder / self.path}' WITH (FORMAT = '{form}'{options})"

    def export(self, options, source="t"):
        shutil.rmtree(self.folder / self.path, True)
        self.sql.query(self.copy(options, source))
        [file] = (self.folder / self.path).glob("*.parquet")
        return file

    def read(self, sql):
        """`{}` in it are the files."""
        folder = self.folder / self.path
        return json.loads(harness.node("readers/read.mjs", "duckdb", folder, "parquet", sql.replace("{}", f"'{folder}/*.parquet'")))

    def chunks(self):
        """Of each row group: rows, bytes before compression; of each column: where it lies, whether it has statistics and a filter."""
        return [[int(cell) if cell and cell.lstrip("-").isdigit() else cell for cell in row] for row in self.read(
            """SELECT row_group_id::text, row_group_num_rows::text, row_group_bytes::text, path_in_schema,
               coalesce(dictionary_page_offset, data_page_offset)::text, total_compressed_size::text,
               stats_min_value, bloom_filter_offset::text FROM parquet_metadata({}) ORDER BY row_group_id, column_id""")]

    # ---- row groups

    def test_row_groups_have_the_size_that_was_asked_for(self):
        for size, most in (("'1MB'", MB), ("2097152", 2 * MB), ("'1.5MB'", 1.5 * MB)):
            self.export(f", ROW GROUP SIZE {size}")
            groups = {chunk[0]: chunk[2] for chunk in self.chunks()}
            sizes = [groups[id] for id in sorted(groups)]
            self.assertGreater(len(sizes), 3)
            for group in sizes[:-1]:
                # A group ends with a chunk of rows; an open page may become a little larger or smaller than was thought.
                self.assertLess(abs(group / most - 1), 0.25, sizes)

    def test_large_row_groups_have_more_rows_than_usual(self):
        self.export(", ROW GROUP SIZE = '512MB'")
        self.assertEqual([chunk[1] for chunk in self.chunks()], [ROWS] * 6)
        self.export("")
        first, second = sorted({(chunk[0], chunk[1]) for chunk in self.chunks()})
        # It ends with the chunk of rows that fills it.
        self.assertLess(abs(first[1] - 122_880), 2_048)
        self.assertEqual(first[1] + second[1], ROWS)

    # ---- statistics and filters

    def spoil(self, file, keep):
        """Overwrites all pages of all row groups but those in `keep`."""
        content = bytearray(file.read_bytes())
        for id, _, _, _, begin, size, _, _ in self.chunks():
            if id not in keep:
                content[begin:begin + size] = b"\xff" * size
        file.write_bytes(content)

    def group_of(self, id):
        """In which row group the row with this id is; rows come in no order."""
        [[row]] = self.read(f"SELECT file_row_number::text FROM read_parquet({{}}, file_row_number = true) WHERE id = {id}")
        end = 0
        for group, rows in sorted({(chunk[0], chunk[1]) for chunk in self.chunks()}):
            end += rows
            if int(row) < end:
                return group
        raise AssertionError(row)

    def test_bounds_let_readers_skip_row_groups(self):
        question = f"SELECT h FROM data WHERE id = {ONE}"
        wanted = [[hashlib.md5(str(ONE).encode()).hexdigest()]]
        for options, is_skipped in (("", True), (", STATISTICS = true", True), (", STATISTICS false, BLOOM FILTERS false", False)):
            file = self.export(", ROW GROUP SIZE '1MB'" + options)
            self.assertEqual({chunk[6] is None for chunk in self.chunks()}, {not is_skipped})
            self.assertEqual(self.read(question), wanted)
            within = self.read(f"""SELECT row_group_id::text FROM parquet_metadata({{}}) WHERE path_in_schema = 'id'
                                  AND {ONE} BETWEEN stats_min_value::bigint AND stats_max_value::bigint""")
            self.assertLess(len(within), 4)
            self.spoil(file, {self.group_of(ONE)} | {int(id) for [id] in within})
            if is_skipped:
                self.assertEqual(self.read(question), wanted)
            else:
                self.assertRaises(AssertionError, self.read, question)

    def test_bloom_filters_let_readers_skip_row_groups(self):
        # In one group of 40 a value seems to be without cause: one for which that is not so.
        row = ONE
        while True:
            value = hashlib.md5(str(row).encode()).hexdigest()
            file = self.export(", ROW GROUP SIZE '1MB', BLOOM FILTERS (h)")
            probes = self.read(f"SELECT bloom_filter_excludes::text FROM parquet_bloom_probe({{}}, 'h', '{value}')")
            if [probe[0] for probe in probes].count("false") == 1:
                break
            row += 1
        question = f"SELECT id::text FROM data WHERE h = '{value}'"
        self.spoil(file, {self.group_of(row)})
        self.assertEqual(self.read(question), [[str(row)]])
        # Without one its bounds do not tell.
        file = self.export(", ROW GROUP SIZE '1MB', BLOOM FILTERS = false")
        self.spoil(file, {self.group_of(row)})
        self.assertRaises(AssertionError, self.read, question)

    def test_no_value_that_is_there_is_excluded(self):
        self.sql.query("CREATE TABLE kinds (s smallint, i int, b bigint, u2 uint2, u4 uint4, u8 uint8, t text, v varchar(9), y bytea)")
        self.sql.query(f"""INSERT INTO kinds SELECT (i - 500)::smallint, i - 500, i * -40000000000, i::uint2, (i * 4000000)::uint4, (i * 4000000000)::uint8,
                           'ä' || i, i::text, decode(md5(i::text), 'hex') FROM generate_series(1::bigint, 1000::bigint) AS g(i)""")
        self.export(", BLOOM FILTERS = *", "kinds")
        self.assertEqual({chunk[3] for chunk in self.chunks() if chunk[7] is None}, {"y"})
        constants = {"s": "-123::SMALLINT", "i": "377", "b": "-40000000000::BIGINT", "u2": "1000::USMALLINT", "u4": "4000000000::UINTEGER",
                     "u8": "4000000000000::UBIGINT", "t": "'ä77'", "v": "'1000'"}
        probes = self.read(" UNION ALL ".join(f"SELECT '{column}', bloom_filter_excludes::text FROM parquet_bloom_probe({{}}, '{column}', {constant})"
                                              for column, constant in constants.items()))
        self.assertEqual(dict(probes), dict.fromkeys(constants, "false"))
        # DuckDB looks for a blob in a filter by its text.
        constants["y"] = f"unhex('{hashlib.md5(b'77').hexdigest()}')"
        counts = self.read(" UNION ALL ".join(f"SELECT '{column}', count(*)::text FROM data WHERE {column} = {constant}"
                                              for column, constant in constants.items()))
        self.assertEqual(dict(counts), dict.fromkeys(constants, "1"))

    def test_bloom_filters_are_where_they_were_asked_for(self):
        base, wanted = self.path, {}
        for options, columns in (("", {"few"}), (", BLOOM FILTERS", {"few"}), (", BLOOM FILTERS = true", {"few"}), (", BLOOM FILTERS off", set()),
                                 (", BLOOM FILTERS = (id, \"amount\")", {"id", "amount"}), (", BLOOM FILTERS h", {"h"}),
                                 (", BLOOM FILTERS *", {"id", "h", "few", "amount"})):
            self.path = f"{base}/{len(wanted)}"
            wanted[str(self.export(options))] = columns
        self.path = f"{base}/*"
        found = {file: set() for file in wanted}
        for file, column in self.read("SELECT DISTINCT file_name, path_in_schema FROM parquet_metadata({}) WHERE bloom_filter_offset IS NOT NULL"):
            found[file].add(column)
        self.assertEqual(found, wanted)

    # ---- what a file says of itself

    def test_the_footer_tells_where_a_file_comes_from(self):
        query = "SELECT id, h AS \"the \"\"hash\", amount FROM t WHERE id < 10"
        self.export("", f"({query})")
        told = dict(self.read("SELECT decode(key), decode(value) FROM parquet_kv_metadata({}) WHERE decode(key) LIKE 'sluice.%'"))
        [run] = self.sql.rows(f"SELECT id, logical_time::text FROM sluice_internal.export_runs WHERE target LIKE '%{self.path}'")
        self.assertEqual(told, {"sluice.run_id": run[0], "sluice.logical_time": run[1],
                                "sluice.version": self.server_version(), "sluice.query_sha256": hashlib.sha256(query.encode()).hexdigest(),
                                "sluice.schema": '"id" bigint, "the ""hash" text, "amount" numeric(12,2)'})
        self.export("", "t")
        told = dict(self.read("SELECT decode(key), decode(value) FROM parquet_kv_metadata({})"))
        self.assertEqual(told["sluice.query_sha256"], hashlib.sha256(b"SELECT * FROM t").hexdigest())
        # What it says of columns makes a table.
        self.sql.query(f"CREATE TABLE again ({told['sluice.schema']})")

    def server_version(self):
        return self.sql.rows("SELECT mz_version()")[0][0].split()[0].lstrip("v")

    # ---- the statement

    def test_equal_signs_may_be_left_out(self):
        for sign in (" = ", " "):
            options = "".join(f", {option}{sign}{value}" for option, value in (
                ("COMPRESSION", "'zstd 3'"), ("ROW GROUP SIZE", "'4MB'"), ("STATISTICS", "true"), ("BLOOM FILTERS", "(id)"), ("MAX FILE SIZE", "'16MB'"),
                ("MANIFEST", "true"), ("OVERWRITE", "'append'"), ("FILE NAME PATTERN", "'{id}-{batch}-{index}'"), ("PARTITION BY", "(flag)"),
                ("WRITE PARTITION COLUMNS", "false")))
            self.sql.query(self.copy(options).replace("FORMAT = ", f"FORMAT{sign}"))
            options = "".join(f", {option}{sign}{value}" for option, value in (
                ("HEADER", "true"), ("DELIMITER", "'|'"), ("QUOTE", "''''"), ("ESCAPE", "''''"), ("NULL", "'-'"), ("FORCE QUOTE", "(h)"),
                ("SINGLE FILE", "true"), ("OVERWRITE", "'append'"), ("PRESERVE ORDER", "true"), ("COMPRESSION", "gzip")))
            self.sql.query(self.copy(options, "(SELECT * FROM t WHERE id < 9 ORDER BY id)", "csv").replace("FORMAT = ", f"FORMAT{sign}"))

    def test_explain_shows_the_options(self):
        def options(more, form="parquet"):
            rows = self.sql.rows("EXPLAIN " + self.copy(more, form=form))
            return {row[1]: row[3] for row in rows if row[0] == "option" and row[1] != "PROFILE"}
        self.assertEqual(options(""), {"COMPRESSION": "snappy", "ROW GROUP SIZE": str(16 * MB), "STATISTICS": "true", "BLOOM FILTERS": "true"})
        self.assertEqual(options(", COMPRESSION 'zstd 9', ROW GROUP SIZE '64MB', STATISTICS false, BLOOM FILTERS (id, h)"),
                         {"COMPRESSION": "zstd 9", "ROW GROUP SIZE": str(64 * MB), "STATISTICS": "false", "BLOOM FILTERS": "(id, h)"})
        self.assertEqual(options(", COMPRESSION gzip 9", "csv"), {"COMPRESSION": "gzip 9"})

    def test_options_that_cannot_be_are_refused(self):
        for options, form, state, message in (
                (", ROW GROUP SIZE = '1023kB'", "parquet", "22023", "ROW GROUP SIZE cannot be less than 1MB"),
                (", ROW GROUP SIZE = '1025MB'", "parquet", "22023", "ROW GROUP SIZE cannot be greater than 1GB"),
                (", ROW GROUP SIZE = 'large'", "parquet", "22023", "couldn't parse"),
                (", STATISTICS = 'some'", "parquet", "22023", "STATISTICS requires a Boolean value"),
                (", BLOOM FILTERS 7", "parquet", "22023", "BLOOM FILTERS requires column names in parentheses, *, true or false"),
                (", BLOOM FILTERS (id, nosuch)", "parquet", "42703", 'column "nosuch" does not exist'),
                (", BLOOM FILTERS (flag)", "parquet", "0A000", 'column "flag" cannot have a Bloom filter'),
                (", BLOOM FILTERS (rate)", "parquet", "0A000", 'column "rate" cannot have a Bloom filter'),
                (", BLOOM FILTERS (flag), PARTITION BY (flag)", "parquet", "42703", 'column "flag" does not exist'),
                (", COMPRESSION = 'zstd 23'", "parquet", "22023", "zstd has no level 23"),
                (", ROW GROUP SIZE = '4MB'", "csv", "0A000", "COPY ROW GROUP SIZE available only in Parquet mode"),
                (", STATISTICS", "csv", "0A000", "COPY STATISTICS available only in Parquet mode"),
                (", BLOOM FILTERS (id)", "csv", "0A000", "COPY BLOOM FILTERS available only in Parquet mode"),
                (", HEADER = true", "parquet", "0A000", "COPY HEADER available only in CSV mode"),
                (", DELIMITER = ';'", "parquet", "0A000", "COPY DELIMITER available only in CSV mode"),
                (", NULL = '-'", "parquet", "0A000", "COPY NULL available only in CSV mode")):
            with self.subTest(options + form):
                self.assert_fault(self.copy(options, form=form), state, message)
        self.assert_fault("COPY t TO STDOUT WITH (FORMAT csv, ROW GROUP SIZE '4MB')", "22023", "ROW GROUP SIZE is for COPY … TO 's3://…'")
        self.assertFalse((self.folder / self.path).exists())


if __name__ == "__main__":
    harness.main()
