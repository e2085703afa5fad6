"""MAX FILE SIZE on real exports: csv exactly, parquet about, over flat, wide and nested rows.

SLUICE_LONG_TESTS=1 adds files of 100 MB of all tables, and of 256 MB."""

import os
import pathlib
import re
import shutil
import tempfile
import unittest

import harness

NAME = re.compile(r"^mz-.+-batch-(\d+)-(\d+)\.(csv|parquet)$")
MB = 1 << 20


def smallest(target):
    """Of the last file of a writer that has filled another. The engine hands out rows by the 122,880, which
    is half a file of 16 MB of these tables: how much is to come is known no better."""
    return target / 4 if target >= 100 * MB else target / 50


# (columns, rows for some files of 16 MB, and for some of 100 MB)
TABLES = {
    "flat": ("""i AS id, (i * 7919) % 1000003 AS part, ((i * 31) % 100000)::int AS supplier,
                ((i * 17) % 10000000 / 100.0)::numeric(15,2) AS price, (i % 11 / 100.0)::numeric(15,2) AS discount,
                date '1992-01-01' + (i * 13 % 2500)::int AS shipped, CASE WHEN i % 3 = 0 THEN 'A' ELSE 'NONE' END AS flag,
                md5(i::text) || md5((i * 3)::text) AS comment""", 1_200_000, 5_000_000),
    "wide": ("""i AS id, md5(i::text) AS digest, 'customer ' || (i * 7919) % 50000 AS customer,
                'the quick brown fox ' || (i * 13) % 1000 || ' jumps over the lazy dog ' || i AS note,
                repeat('lorem ipsum ' || (i * 31) % 97 || ' ', 6) AS body,
                ('{"id":' || i || ',"tags":["a","b","' || md5((i * 5)::text) || '"],"score":' || (i * 11) % 10000 ||
                 ',"name":"user ' || (i * 17) % 9999 || '"}') AS document,
                ('{"path":"/var/log/' || md5((i / 7)::text) || '","agent":"Mozilla/5.0 (X11; Linux x86_64) ' ||
                 i % 40 || '"}')::jsonb AS request, md5((i * 7)::text) || md5((i * 9)::text) AS token""", 500_000, 2_000_000),
    "nested": ("""i AS id, array[(i * 7919) % 100003, i, (i * 31) % 1000007, i * 17] AS numbers,
                  array['tag' || i % 500, md5(i::text), md5((i * 3)::text)] AS tags,
                  array[i * 3, (i * 7) % 1009, NULL] AS others,
                  ('{a=>' || md5((i * 5)::text) || ',b=>' || i % 77 || '}')::map[text=>text] AS properties""",
               600_000, 3_700_000),
}

class Sizes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-sizes-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.server = harness.Server("--local-export-dir", str(cls.folder), "--threads", "2", "--memory-limit", "1GB")
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)

    def make(self, table, rows):
        columns = TABLES[table][0]
        self.server.psql("-c", f"DROP TABLE IF EXISTS {table}", "-c",
                         f"CREATE TABLE {table} AS SELECT {columns} FROM generate_series(1::bigint, {rows}::bigint) g(i)", timeout=600)

    def export(self, table, form, size, more=""):
        """Writers' files in order, as paths."""
        target = self.folder / f"{table}-{form}-{size}"
        done = self.server.psql("-At", "-c", f"COPY {table} TO 'file://{target}' WITH (FORMAT = '{form}', "
                                             f"MAX FILE SIZE = '{size}'{more})", timeout=600)
        self.addCleanup(shutil.rmtree, target, ignore_errors=True)
        writers = {}
        for path in sorted(target.iterdir()):
            writers.setdefault(int(NAME.match(path.name).group(1)), []).append(path)
        self.assertEqual(done.stdout.split()[-1],
                         self.server.psql("-Atc", f"SELECT count(*) FROM {table}").stdout.strip())
        return list(writers.values())

    def assert_about(self, table, size, target, tolerance):
        writers = self.export(table, "parquet", size)
        self.assertGreater(len(writers), 1, "several files are written at once")
        # The last two of a writer may share what is left.
        full = [path.stat().st_size for paths in writers for path in paths[:-2]]
        last = [[path.stat().st_size for path in paths[-2:]] for paths in writers if len(paths) > 1]
        full += [sizes[0] for sizes in last if sizes[0] > target * (1 - tolerance)]
        self.assertGreater(len(full), 0, f"too few files to judge: {writers}")
        for sizes in last:
            print(f"{table} {size}: the last two {[round(one / target, 2) for one in sizes]}")
            self.assertGreater(min(sizes), smallest(target), "a small file at the end")
        off = [round(bytes_ / target - 1, 3) for bytes_ in full]
        print(f"{table} {size}: {len(full)} full files, {min(off):+.1%} to {max(off):+.1%}")
        self.assertLessEqual(max(off), tolerance, off)
        # A guess of what is to come was too low (see smallest()): then one more of a writer is short.
        short = [one for one in off if one < -tolerance]
        self.assertLessEqual(len(short), 0 if target >= 100 * MB else len(writers), off)
        for paths in writers:
            # One without rows would have a schema and a footer only.
            self.assertGreater(paths[-1].stat().st_size, 4096)
            self.assertLessEqual(paths[-1].stat().st_size, target * (1 + tolerance))

    def check(self, table):
        _, small, large = TABLES[table]
        self.make(table, small)
        self.assert_about(table, "16MB", 16 * MB, 0.05)
        self.check_csv(table, "16MB", 16 * MB)
        is_long = bool(os.environ.get("SLUICE_LONG_TESTS"))
        if is_long or table == "flat":
            self.make(table, large)
            self.assert_about(table, "100MB", 100 * MB, 0.05)
        if is_long:
            self.make(table, large * 3)
            self.assert_about(table, "256MB", 256 * MB, 0.05)

    def check_csv(self, table, size, target):
        for header in ("", ", HEADER = true"):
            writers = self.export(table, "csv", size, header)
            self.assertGreater(len(writers), 1)
            for paths in writers:
                short = 0
                if len(paths) > 1:
                    sizes = [path.stat().st_size for path in paths[-2:]]
                    print(f"{table} {size}: the last two csv files {[round(one / target, 2) for one in sizes]}")
                    self.assertGreater(min(sizes), smallest(target), "a small file at the end")
                for path, following in zip(paths, paths[1:]):
                    self.assertLessEqual(path.stat().st_size, target)
                    if following == paths[-1] and path.stat().st_size < target * 0.8:
                        continue  # shared out between the last two
                    with following.open("rb") as file:
                        if header:
                            file.readline()
                        short += path.stat().st_size + len(file.readline()) <= target
                # A guess of what is to come was too low (see smallest()): then one more is short.
                self.assertLessEqual(short, 0 if target >= 100 * MB else 1, "one more row would have fitted into them")
                self.assertLessEqual(paths[-1].stat().st_size, target)
            for paths in writers:
                shutil.rmtree(paths[0].parent, ignore_errors=True)

    def test_flat(self):
        self.check("flat")

    def test_wide(self):
        self.check("wide")

    def test_nested(self):
        self.check("nested")

    def test_a_row_larger_than_a_file_has_one_to_itself(self):
        self.server.psql("-c", "CREATE TABLE huge (id int, v text)",
                         "-c", f"INSERT INTO huge SELECT i, repeat('x', {20 * MB}) FROM generate_series(1, 3) g(i)",
                         "-c", "INSERT INTO huge SELECT i, 'small' FROM generate_series(1, 1000) g(i)")
        writers = self.export("huge", "csv", "16MB")
        sizes = [path.stat().st_size for paths in writers for path in paths]
        alone = [size for size in sizes if size > 16 * MB]
        self.assertEqual(len(alone), 3, sizes)
        self.assertLess(max(alone), 20 * MB + 20)

    def test_an_empty_result_is_one_file(self):
        self.server.psql("-c", "CREATE TABLE none (id int)")
        for form in ("csv", "parquet"):
            self.assertEqual([len(paths) for paths in self.export("none", form, "16MB")], [1])


if __name__ == "__main__":
    unittest.main()
