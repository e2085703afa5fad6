#!/usr/bin/python3
"""COPY TO 's3://…': which objects appear and what is in them."""

import csv
import datetime
import io
import json
import re
import subprocess
import threading

import harness


class CopyToS3(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bucket = harness.bucket()
        with cls.server.wire() as connection:
            harness.create_connection(connection, cls.bucket)
            connection.query("CREATE TABLE t (a int, b text)")
            connection.query("INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, ''), (4, 'a,\"b\"'), (5, E'two\\nlines'), (6, 'ä €')")
            connection.query("CREATE VIEW v AS SELECT a * 10 AS ten, b FROM t WHERE a < 3")

    def setUp(self):
        super().setUp()
        self.prefix = self.bucket.fresh()

    def copy(self, source, options="FORMAT = 'csv'", target=None, connection=None):
        target = target or f"'{self.bucket.url(self.prefix)}'"
        return (connection or self.sql).query(f"COPY {source} TO {target} WITH (AWS CONNECTION = aws_conn, {options})")

    def objects(self, prefix=None):
        """{name: bytes} of what lies below the prefix."""
        prefix = prefix or self.prefix
        return {key[len(prefix) + 1:]: self.bucket.client.get(self.bucket.name, key) for key in self.bucket.list(prefix + "/")}

    def rows(self, data, **options):
        return sorted(csv.reader(io.StringIO(data.decode(), newline=""), **options))

    CSV_ROWS = ['1,x', '2,', '3,""', '4,"a,""b"""', '5,"two\nlines"', '6,ä €']

    def records(self, data):
        return sorted(re.findall(r'(?:[^"\n]|"[^"]*")+', data.decode()))

    def test_csv_of_a_table(self):
        result = self.copy("t")
        self.assertEqual((result.tag, result.columns), ("COPY 6", []))
        data = b""
        for name, content in self.objects().items():
            self.assertRegex(name, r"^mz-t\d+-batch-\d{4}-\d{4}\.csv$")
            data += content
        self.assertEqual(self.records(data), self.CSV_ROWS)

    def test_csv_of_a_view_and_a_query(self):
        self.assertEqual(self.copy("v").tag, "COPY 2")
        self.assertEqual(self.records(b"".join(self.objects().values())), ["10,x", "20,"])
        self.prefix = self.bucket.fresh()
        self.assertEqual(self.copy("(SELECT count(*) AS n, max(a) FROM t)").tag, "COPY 1")
        self.assertEqual(b"".join(self.objects().values()), b"6,6\n")

    def test_parquet_has_its_name_and_magic(self):
        for source, count in (("t", 6), ("v", 2), ("(SELECT a FROM t WHERE a > 1)", 5)):
            self.prefix = self.bucket.fresh()
            self.assertEqual(self.copy(source, "FORMAT = 'parquet'").tag, f"COPY {count}")
            for name, content in self.objects().items():
                self.assertRegex(name, r"^mz-t\d+-batch-\d{4}-\d{4}\.parquet$")
                self.assertEqual((content[:4], content[-4:]), (b"PAR1", b"PAR1"))

    def test_words_and_equal_signs_are_optional(self):
        url = self.bucket.url
        for text in ("COPY t TO '{}' (AWS CONNECTION aws_conn, FORMAT csv)",
                     "COPY t TO '{}' WITH (AWS CONNECTION aws_conn, FORMAT 'CSV', HEADER false, MAX FILE SIZE \"100MB\")",
                     "COPY public.t TO '{}' WITH (FORMAT = csv, AWS CONNECTION = public.aws_conn, MAX FILE SIZE = 16777216)",
                     "copy (table t) to '{}' with (format = 'parquet', aws connection = materialize.public.aws_conn)"):
            with self.subTest(text):
                self.assertEqual(self.sql.query(text.format(url(self.bucket.fresh()))).tag, "COPY 6")

    def test_csv_options(self):
        self.copy("t", "FORMAT = 'csv', DELIMITER = ';', QUOTE = '`', ESCAPE = '!', NULL = 'nil', HEADER = true")
        data = b"".join(self.objects().values()).decode()
        head, rest = data.split("\n", 1)
        self.assertEqual(head, "a;b")
        self.assertEqual(sorted(re.findall(r"(?:[^`\n]|`[^`]*`)+", rest)),
                         ["1;x", "2;nil", "3;", '4;a,"b"', "5;`two\nlines`", "6;ä €"])
        self.prefix = self.bucket.fresh()
        self.copy("(SELECT 'it`s!', 'nil', 'x')", "FORMAT = 'csv', QUOTE = '`', ESCAPE = '!', NULL = 'nil'")
        self.assertEqual(b"".join(self.objects().values()), b"`it!`s!!`,`nil`,x\n")

    def test_values_in_their_text_form(self):
        self.copy("(SELECT true, false, '{1,2}'::int[], 'Inf'::float8, '{\"s\": \"abc\"}'::jsonb, "
                  "'1234567890123456789012.4567890123456789'::numeric(38,16), date '2010-10-10', time '10:10:10', "
                  "timestamp '2010-10-10 10:10:10', timestamptz '2010-10-10 10:10:10+02', interval '0', '\\xAAAA'::bytea, "
                  "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid)")
        self.assertEqual(b"".join(self.objects().values()).decode(),
                         't,f,"{1,2}",Infinity,"{""s"":""abc""}",1234567890123456789012.4567890123456789,2010-10-10,10:10:10,'
                         '2010-10-10 10:10:10,2010-10-10 08:10:10+00,00:00:00,\\xaaaa,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\n')

    def test_an_empty_result_has_one_file(self):
        for form, options in (("csv", ""), ("csv", ", HEADER = true"), ("parquet", "")):
            self.prefix = self.bucket.fresh()
            self.assertEqual(self.copy("(SELECT * FROM t WHERE false)", f"FORMAT = '{form}'{options}").tag, "COPY 0")
            (content,) = self.objects().values()
            if form == "csv":
                self.assertEqual(content, b"a,b\n" if options else b"")
            else:
                self.assertEqual(content[:4], b"PAR1")

    def test_limit_is_applied(self):
        self.assertEqual(self.copy("(SELECT * FROM t LIMIT 2)").tag, "COPY 2")
        self.assertEqual(len(self.records(b"".join(self.objects().values()))), 2)
        self.prefix = self.bucket.fresh()
        self.assertEqual(self.copy("(SELECT * FROM t LIMIT 10 OFFSET 5)").tag, "COPY 1")

    def test_rows_that_occur_twice_are_written_twice(self):
        self.assertEqual(self.copy("(SELECT 1 UNION ALL SELECT 1)").tag, "COPY 2")
        self.assertEqual(b"".join(self.objects().values()), b"1\n1\n")

    def test_slashes_at_the_ends_are_dropped(self):
        self.copy("v", target=f"'s3://{self.bucket.name}//{self.prefix}/deep//'")
        self.assertTrue(self.objects(self.prefix + "/deep"))

    def test_the_target_is_an_expression(self):
        today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        self.copy("v", target=f"'{self.bucket.url(self.prefix)}/' || to_char(now(), 'YYYY-MM-DD')")
        names = self.objects()
        self.assertTrue(names)
        later = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        for name in names:
            self.assertIn(name.split("/")[0], (today, later))

    def test_files_keep_under_their_bound(self):
        self.sql.query("CREATE TABLE big AS SELECT i, md5(i::text) AS a, md5((i + 1)::text) AS b FROM generate_series(1, 800000) AS g(i)")
        for options in ("FORMAT = 'csv', MAX FILE SIZE = '16MB'", "FORMAT = 'csv', MAX FILE SIZE = '16MB', HEADER = true"):
            self.prefix = self.bucket.fresh()
            self.assertEqual(self.copy("big", options).tag, "COPY 800000")
            files = self.objects()
            self.assertGreater(len(files), 3)
            total, found = 0, set()
            for name, content in files.items():
                self.assertLessEqual(len(content), 16 << 20, name)
                self.assertEqual(content[-1:], b"\n")
                lines = content.decode().splitlines()
                if "HEADER" in options:
                    self.assertEqual(lines.pop(0), "i,a,b")
                total += len(lines)
                found |= {line.split(",")[0] for line in lines}
            self.assertEqual((total, len(found)), (800000, 800000))
        self.sql.query("DROP TABLE big")

    def test_a_transaction_exports_its_own_time(self):
        self.sql.query("CREATE TABLE moving (x int)")
        self.sql.query("INSERT INTO moving VALUES (1)")
        self.sql.query("BEGIN")
        self.assertEqual(self.sql.value("SELECT count(*) FROM moving"), "1")
        with self.server.wire() as other:
            other.query("INSERT INTO moving VALUES (2)")
        self.assertEqual(self.copy("moving").tag, "COPY 1")
        self.sql.query("COMMIT")
        self.prefix = self.bucket.fresh()
        self.assertEqual(self.copy("moving").tag, "COPY 2")

    def test_one_time_while_others_write(self):
        self.sql.query("CREATE TABLE accounts AS SELECT i AS id, 100 AS balance FROM generate_series(1, 1000) AS g(i)")
        stop = threading.Event()

        def move():
            with self.server.wire() as connection:
                i = 0
                while not stop.is_set():
                    i += 1
                    connection.query(f"UPDATE accounts SET balance = balance + CASE WHEN id = {i % 999 + 1} THEN -1 ELSE 1 END "
                                     f"WHERE id IN ({i % 999 + 1}, {i % 999 + 2})")

        thread = threading.Thread(target=move)
        thread.start()
        try:
            for _ in range(5):
                self.prefix = self.bucket.fresh()
                self.assertEqual(self.copy("accounts").tag, "COPY 1000")
                rows = self.rows(b"".join(self.objects().values()))
                self.assertEqual(sum(int(row[1]) for row in rows), 100000)
                self.assertEqual(len({row[0] for row in rows}), 1000)
        finally:
            stop.set()
            thread.join()

    def test_copies_beside_each_other(self):
        errors, prefixes = [], [self.bucket.fresh() for _ in range(6)]

        def one(prefix):
            try:
                with self.server.wire() as connection:
                    self.copy("t", "FORMAT = 'parquet'", f"'{self.bucket.url(prefix)}'", connection)
            except Exception as error:  # pylint: disable=broad-except
                errors.append(error)

        threads = [threading.Thread(target=one, args=(prefix,)) for prefix in prefixes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        ids = set()
        for prefix in prefixes:
            ids |= {re.match(r"mz-(t\d+)-", name)[1] for name in self.objects(prefix)}
        self.assertEqual(len(ids), 6)

    def test_over_http_too(self):
        query = f"COPY t TO '{self.bucket.url(self.prefix)}' WITH (AWS CONNECTION = aws_conn, FORMAT = 'csv')"
        status, text, _ = self.server.http("POST", "/api/sql", json.dumps({"query": query}), {"Content-Type": "application/json"})
        self.assertEqual(status, 200)
        self.assertEqual(json.loads(text)["results"][0]["ok"], "COPY 6")

    def test_the_gateway_gone_and_back(self):
        # On one of its own, since other tests use the run's.
        folder = self.server.data_dir + "-rgw"
        self.addCleanup(subprocess.run, [harness.RGW, "stop", "--dir", folder])
        own = harness.Bucket(harness.start_rgw(folder), "own")
        harness.create_connection(self.sql, own, "own")
        copy = f"COPY t TO '{own.url('x')}' WITH (AWS CONNECTION = own, FORMAT = 'csv')"
        subprocess.run([harness.RGW, "down", "--dir", folder], check=True)
        self.assertIn("127.0.0.1", self.sql.fault(copy).message)
        harness.start_rgw(folder)
        self.assertEqual(self.sql.query(copy).tag, "COPY 6")


if __name__ == "__main__":
    harness.main()
