#!/usr/bin/python3
"""How an export's files lie: manifests, OVERWRITE, single files, order, names, partitions; and what
EXPLAIN COPY says of it. On the strict S3 server of tests/s3fake, and the first of them on radosgw."""

import collections
import hashlib
import json
import os
import pathlib
import re
import shutil
import tempfile
import urllib.parse

import jsonschema

import harness
import s3fake
import wire

SCHEMA = json.loads(re.search(r"```json\n(.+?)```", (harness.ROOT / "docs" / "manifest.md").read_text(), re.DOTALL)[1])
ROWS = 300_000


class Layout(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-e2e-local-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.arguments = ("--threads", "2", "--local-export-dir", str(cls.folder))
        cls.fake = s3fake.FakeS3()
        cls.addClassCleanup(cls.fake.close)
        super().setUpClass()
        with cls.server.wire() as sql:
            harness.create_connection(sql, cls.fake)
            sql.query("CREATE TABLE t (a int, b text, c numeric(12,2), d date, flag text)")
            sql.query(f"""INSERT INTO t SELECT n, CASE WHEN n % 10 > 0 THEN 'b' || n END, n / 4.0, date '2020-01-01' + n % 1000,
                          CASE n % 4 WHEN 0 THEN 'A' WHEN 1 THEN 'N/O' WHEN 2 THEN NULL ELSE 'R' END
                          FROM generate_series(1, {ROWS}) AS g(n)""")

    def setUp(self):
        super().setUp()
        self.path = f"p{self.id().rsplit('.', 1)[1]}"
        self.target = self.folder / self.path

    def copy(self, options, source="t", local=True, path=None, form="csv"):
        path = path or self.path
        to = f"'file://{self.folder / path}'" if local else f"'{self.fake.url(path)}'"
        connection = "" if local else ", AWS CONNECTION = aws_conn"
        return f"COPY {source} TO {to} WITH (FORMAT = '{form}'{connection}{options})"

    def files(self, path=None):
        root = self.folder / (path or self.path)
        return {str(file.relative_to(root)): file for file in sorted(root.rglob("*")) if file.is_file()}

    def lines(self, path=None):
        return [line for name, file in self.files(path).items() if name.endswith(".csv") for line in file.read_text().splitlines()]

    # ---- manifests

    def check_manifest(self, text, contents, rows, form):
        """`contents` are the data objects' bytes by their keys."""
        manifest = json.loads(text)
        jsonschema.validate(manifest, SCHEMA)
        self.assertEqual({file["key"] for file in manifest["files"]}, set(contents))
        for file in manifest["files"]:
            self.assertEqual(file["bytes"], len(contents[file["key"]]))
            self.assertEqual(file["checksum"], "sha256:" + hashlib.sha256(contents[file["key"]]).hexdigest())
            if form == "csv":
                self.assertEqual(file["rows"], contents[file["key"]].count(b"\n"))
        self.assertEqual(manifest["totals"], {"files": len(contents), "rows": rows, "bytes": sum(map(len, contents.values()))})
        self.assertEqual(manifest["statement_sha256"], hashlib.sha256(manifest["statement"].encode()).hexdigest())
        return manifest

    def test_bounds_in_a_manifest_are_texts_as_in_csv(self):
        row = ("date '0044-03-15 BC' AS d, timestamp '2020-01-02 03:04:05.5' AS t, 1.50::numeric AS n, "
               "1e20::double precision AS f, 'Infinity'::double precision AS i, 0::real AS z, 'a' AS s")
        self.sql.query(self.copy(", MANIFEST", source=f"(SELECT {row})", path=self.path, form="csv"))
        names = self.files(self.path)
        manifest = json.loads(next(file.read_text() for name, file in names.items() if name.endswith("-manifest.json")))
        fields = next(file.read_text() for name, file in names.items() if name.endswith(".csv")).strip().split(",")
        [file] = manifest["files"]
        self.assertEqual([column["min"] for column in file["columns"]], fields)
        self.assertEqual([column["max"] for column in file["columns"]], fields)

    def test_a_manifest_tells_of_every_file(self):
        for form in ("csv", "parquet"):
            path = f"{self.path}-{form}"
            self.sql.query(self.copy(", MANIFEST", path=path, form=form))
            names = self.files(path)
            name = next(name for name in names if name.endswith("-manifest.json"))
            contents = {f"{path}/{other}": file.read_bytes() for other, file in names.items() if other != name}
            manifest = self.check_manifest(names[name].read_text(), contents, ROWS, form)
            self.assertEqual(name, f"mz-{manifest['id']}-manifest.json")
            self.assertEqual([(c["name"], c["sql"]) for c in manifest["schema"]][:3],
                             [("a", "integer"), ("b", "text"), ("c", "numeric(12,2)")])
            by_name = collections.defaultdict(list)
            for file in manifest["files"]:
                for column in file["columns"]:
                    by_name[column["name"]].append(column)
            self.assertEqual(sum(column["nulls"] for column in by_name["b"]), ROWS // 10)
            self.assertEqual(min(int(column["min"]) for column in by_name["a"]), 1)
            self.assertEqual(max(int(column["max"]) for column in by_name["a"]), ROWS)
            self.assertEqual(min(column["min"] for column in by_name["d"]), "2020-01-01")
            [run] = self.sql.rows(f"SELECT logical_time::text, files FROM sluice_internal.export_runs WHERE id = '{manifest['id']}'")
            self.assertEqual(tuple(run), (manifest["logical_time"], str(len(contents))))
            if form == "parquet":
                self.assertEqual([c["parquet"] for c in manifest["schema"]][0], "INT32")
                self.assertEqual([c["arrow"] for c in manifest["schema"]][3], "date32[day]")

    def test_a_manifest_of_nothing_and_one_on_radosgw(self):
        bucket = harness.bucket()
        harness.create_connection(self.sql, bucket, "rgw_conn")
        for source, rows in (("(SELECT 1 AS one WHERE false)", 0), ("t", ROWS)):
            prefix = bucket.fresh()
            self.sql.query(f"COPY {source} TO '{bucket.url(prefix)}' WITH (FORMAT csv, AWS CONNECTION rgw_conn, MANIFEST true)")
            contents = {key: bucket.client.get(bucket.name, key) for key in bucket.list(prefix + "/")}
            [text] = [contents.pop(key) for key in list(contents) if key.endswith("-manifest.json")]
            self.check_manifest(text, contents, rows, "csv")

    def test_a_manifest_never_survives_a_failed_run(self):
        self.fake.do("reset")
        for operation, nth in (("CompleteMultipartUpload", 3), ("UploadPart", 3), ("CreateMultipartUpload", 3)):
            self.fake.do("fail", operation, nth, 1, "Denied")
            self.assert_fault(self.copy(", MANIFEST", local=False), "42501", "AccessDenied")
            wire.wait_until(self.fake.is_empty, "an empty store")

    # ---- OVERWRITE

    def test_append_leaves_what_is_there(self):
        for expected in (1, 2, 3):
            self.sql.query(self.copy(", OVERWRITE = 'append'", source="(SELECT 1 AS a)"))
            self.assertEqual(len(self.files()), expected)
        self.assert_fault(self.copy("", source="(SELECT 1 AS a)"), "XX000", "S3 bucket path is not empty, contains 3 objects")

    def test_replace_swaps_only_after_success(self):
        self.sql.query(self.copy("", source="(SELECT 1 AS a)"))
        old = self.files()
        self.assert_fault(self.copy(", OVERWRITE = 'replace'", source="(SELECT 1 / (a - 150000) FROM t)"), "22012")
        self.assertEqual(self.files(), old)
        self.sql.query(self.copy(", OVERWRITE replace", source="(SELECT 2 AS a)"))
        self.assertFalse(set(old) & set(self.files()))
        self.assertEqual(self.lines(), ["2"])

    def test_replace_of_more_than_a_page_of_objects(self):
        self.target.mkdir()
        for i in range(2100):
            (self.target / f"old-{i}").touch()
        self.sql.query(self.copy(", OVERWRITE = 'replace'", source="(SELECT 2 AS a)"))
        self.assertEqual(len(self.files()), 1)

    def test_a_kill_while_it_replaces_ends_in_the_old_state_or_the_new_one(self):
        old_text, new_text = "(SELECT 1 AS a)", "(SELECT 2 AS a)"
        outcomes = set()
        for request in range(1, 14):
            for how in ("before", "after"):
                path = f"r{request}{how}"
                self.fake.do("reset")
                with self.server.wire() as sql:
                    sql.query(self.copy("", source=old_text, local=False, path=path))
                old = set(self.fake.objects())
                self.fake.do("kill", self.server.process.pid, request, how, path)
                died = False
                try:
                    with self.server.wire() as sql:
                        sql.query(self.copy(", OVERWRITE = 'replace'", source=new_text, local=False, path=path))
                except (ConnectionError, OSError):
                    self.server.process.wait(20)
                    died = True
                if not died:
                    continue
                self.server.launch()
                self.server.wait_ready()

                def settled():
                    with self.server.wire() as sql:
                        state, cleanup = sql.rows("SELECT state, cleanup IS NULL FROM sluice_internal.export_runs ORDER BY started DESC LIMIT 1")[0]
                    return state if state in ("done", "failed") and not self.fake.uploads() and not [
                        key for key in self.fake.objects() if key.endswith("-INCOMPLETE")] else None
                state = wire.wait_until(settled, "an outcome", 60)
                objects = set(self.fake.objects())
                outcomes.add(state)
                if state == "failed":
                    self.assertEqual(objects, old, (request, how))
                else:
                    self.assertEqual(len(objects), 1, (request, how, objects))
                    self.assertFalse(objects & old, (request, how))
        self.assertEqual(outcomes, {"failed", "done"})
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)

    def test_replace_gives_way_to_an_export_under_way(self):
        self.target.mkdir()
        (self.target / "mz-t1-INCOMPLETE").touch()
        self.assert_fault(self.copy(", OVERWRITE = 'replace'"), "55006")
        self.assertEqual(list(self.files()), ["mz-t1-INCOMPLETE"])

    # ---- single files, order, names

    def test_a_single_file(self):
        for form in ("csv", "parquet"):
            path = f"{self.path}-{form}"
            self.assertEqual(self.sql.query(self.copy(", SINGLE FILE", path=path, form=form)).tag, f"COPY {ROWS}")
            self.assertEqual(len(self.files(path)), 1)
        self.assertEqual(sorted(int(line.split(",")[0]) for line in self.lines(f"{self.path}-csv")), list(range(1, ROWS + 1)))
        self.assert_fault(self.copy(", SINGLE FILE, MAX FILE SIZE = '16MB'"), "22023", "SINGLE FILE and MAX FILE SIZE cannot be combined")

    def test_order_is_kept(self):
        query = "(SELECT a, repeat(b, 12) AS b FROM t ORDER BY (a * 7919::bigint) % 300007, a)"
        self.assert_fault(self.copy("", source=query), "0A000")
        self.sql.query(self.copy(", PRESERVE ORDER = true, MAX FILE SIZE = '16MB'", source=query))
        self.assertGreater(len(self.files()), 1)
        found = [int(line.split(",")[0]) for line in self.lines()]
        self.assertEqual(found, sorted(range(1, ROWS + 1), key=lambda a: ((a * 7919) % 300007, a)))
        self.assert_fault(self.copy(", PRESERVE ORDER"), "22023", "PRESERVE ORDER needs a query with ORDER BY")

    def test_names(self):
        self.sql.query(self.copy(", FILE NAME PATTERN = 'orders_{id}_{batch}-{index}', MANIFEST"))
        for name in self.files():
            self.assertRegex(name, r"^(orders_t\d+_\d{4}-\d{4}\.csv|mz-t\d+-manifest\.json)$")
        self.sql.query(self.copy(", FILE NAME PATTERN = '{id}', SINGLE FILE, OVERWRITE = replace"))
        [name] = self.files()
        self.assertRegex(name, r"^t\d+\.csv$")
        self.assert_fault(self.copy(", FILE NAME PATTERN = 'orders-{index}'"), "22023",
                          "FILE NAME PATTERN needs {id}, {batch} and {index} in it")
        self.assertEqual(self.lines().__len__(), ROWS)

    # ---- partitions

    def partitions(self):
        found = collections.defaultdict(list)
        for name, file in self.files().items():
            folder, _, rest = name.rpartition("/")
            self.assertRegex(rest, r"^mz-t\d+-batch-\d{4}-\d{4}\.(csv|parquet)$")
            found[folder].append(file)
        return found

    def test_partitions_in_hive_style(self):
        self.sql.query(self.copy(", PARTITION BY (flag)"))
        found = self.partitions()
        self.assertEqual(set(found), {"flag=A", "flag=N%2FO", "flag=R", "flag=__HIVE_DEFAULT_PARTITION__"})
        for folder, files in found.items():
            self.assertLessEqual(len(files), 2)
            rows = [line.split(",") for file in files for line in file.read_text().splitlines()]
            self.assertEqual(len(rows), ROWS // 4)
            self.assertEqual({len(row) for row in rows}, {4}, "the partition's column is in no file")
            value = {"flag=A": 0, "flag=N%2FO": 1, "flag=R": 3}.get(folder, 2)
            self.assertEqual({int(row[0]) % 4 for row in rows}, {value})

    def test_partitions_of_expressions_with_their_columns(self):
        self.sql.query(self.copy(", PARTITION BY = (a % 3 AS third, flag), WRITE PARTITION COLUMNS, MANIFEST", form="parquet"))
        manifest = json.loads(next(file for name, file in self.files().items() if name.endswith(".json")).read_text())
        self.assertEqual(manifest["partition_by"], ["third", "flag"])
        self.assertEqual([c["name"] for c in manifest["schema"]], ["a", "b", "c", "d", "flag"])
        folders = {key["key"].split("/", 1)[1].rsplit("/", 1)[0] for key in manifest["files"]}
        self.assertEqual(len(folders), 12)
        self.assertIn("third=2/flag=R", folders)
        self.assertEqual(manifest["totals"]["rows"], ROWS)

    def test_many_partitions_are_clustered(self):
        for form in ("csv", "parquet"):
            shutil.rmtree(self.target, ignore_errors=True)
            self.sql.query(self.copy(", PARTITION BY (k)", source="(SELECT (a * 7919::bigint) % 2500 AS k, a, b FROM t)", form=form))
            found = self.partitions()
            self.assertEqual(len(found), 2500)
            self.assertLessEqual(max(map(len, found.values())), 2)
            if form == "csv":
                rows = {folder: [int(line.split(",")[0]) for file in files for line in file.read_text().splitlines()]
                        for folder, files in found.items()}
                self.assertEqual(sum(map(len, rows.values())), ROWS)
                for folder, values in rows.items():
                    self.assertEqual({a * 7919 % 2500 for a in values}, {int(folder.removeprefix("k="))})

    def test_partitions_of_a_failed_run_are_removed(self):
        self.fake.do("reset")
        self.assert_fault(self.copy(", PARTITION BY (flag)", source="(SELECT a / (a - 299999) AS q, flag FROM t)", local=False), "22012")
        wire.wait_until(self.fake.is_empty, "an empty store")
        self.sql.query(self.copy(", PARTITION BY (flag)", local=False))
        self.assertEqual({urllib.parse.unquote(key).split("/")[1] for key in self.fake.objects()},
                         {"flag=A", "flag=N%2FO".replace("%2F", "/").split("/")[0], "flag=R", "flag=__HIVE_DEFAULT_PARTITION__"})

    def test_what_partitions_cannot_be(self):
        self.assert_fault(self.copy(", PARTITION BY (nosuch)"), "42703")
        self.assert_fault(self.copy(", PARTITION BY (a + 1)"), "42601", "PARTITION BY needs a name for a + 1")
        self.assert_fault(self.copy(", PARTITION BY (flag), SINGLE FILE"), "22023", "SINGLE FILE and PARTITION BY cannot be combined")
        self.assert_fault(self.copy(", PARTITION BY (b)", source='(SELECT a, b AS "B", flag AS b FROM t)'), "42701",
                          "PARTITION BY cannot tell columns of one name apart")
        self.assert_fault(self.copy(", PARTITION BY (flag)", source="(SELECT flag FROM t)"), "22023", "PARTITION BY leaves no column for the files")
        self.assert_fault(self.copy(", PARTITION BY (a)"), "54000", "PARTITION BY would make more than 10000 files")
        wire.wait_until(lambda: not self.files(), "an empty folder")
        self.assert_fault(self.copy(", WRITE PARTITION COLUMNS"), "22023", "WRITE PARTITION COLUMNS needs PARTITION BY")
        self.assert_fault(self.copy(", PARTITION BY (repeat(b, 300) AS b)", source="(SELECT a, b FROM t WHERE a < 5)"), "22001")

    # ---- EXPLAIN

    def test_explain_touches_no_store(self):
        self.fake.do("reset")
        self.fake.do("mark", self.path)
        result = self.sql.query("EXPLAIN " + self.copy(", MANIFEST, PARTITION BY (flag)", local=False, form="parquet"))
        rows = [tuple(row) for row in result.rows]
        self.assertEqual(self.fake.tell("count"), "0")
        self.assertEqual(rows[:4], [
            ("column", "a", "integer", "INT32", "int32", ""), ("column", "b", "text", "BYTE_ARRAY STRING", "large_string", ""),
            ("column", "c", "numeric(12,2)", "FIXED_LEN_BYTE_ARRAY(16) DECIMAL(38,2)", "decimal128(38, 2)", "the precision is not kept"),
            ("column", "d", "date", "INT32 DATE", "date32[day]", "infinity as 2147483647 days")])
        by_name = {(row[0], row[1]): row for row in rows}
        self.assertAlmostEqual(int(by_name["estimate", "rows"][3]), ROWS, delta=ROWS / 2)
        self.assertGreaterEqual(int(by_name["estimate", "files"][3]), 1)
        self.assertEqual(by_name["object", "data"][3], f"{self.path}/flag={{value}}/mz-{{id}}-batch-0000-0000.parquet")
        self.assertEqual(by_name["object", "manifest"][3], f"{self.path}/mz-{{id}}-manifest.json")
        self.assertEqual(by_name["object", "sentinel"][3], f"{self.path}/mz-{{id}}-INCOMPLETE")
        self.assertIn("| a ", self.server.psql("-c", "EXPLAIN " + self.copy("")).stdout)
        self.assert_fault("EXPLAIN " + self.copy(", MAX FILE SIZE = '1MB'"), "22023")


if __name__ == "__main__":
    harness.main()
