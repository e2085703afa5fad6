#!/usr/bin/python3
"""What COPY TO 's3://…' refuses, in which words, and what it leaves behind: nothing."""

import harness
import wire

OPTIONS = "AWS CONNECTION = aws_conn, FORMAT = 'csv'"


class Checks(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bucket = harness.bucket()
        with cls.server.wire() as connection:
            harness.create_connection(connection, cls.bucket)
            connection.query("CREATE TABLE t (a int, b text)")
            connection.query("INSERT INTO t VALUES (1, 'x'), (2, 'y')")

    def setUp(self):
        super().setUp()
        self.prefix = self.bucket.fresh()

    def tearDown(self):
        # Whatever was refused has touched nothing.
        self.assertEqual([k for k in self.bucket.list(self.prefix) if "/kept" not in k], [])
        self.assertEqual(self.bucket.client.uploads(self.bucket.name, self.prefix), [])

    def copy(self, source="t", options=OPTIONS, target=None):
        target = target or f"'{self.bucket.url(self.prefix)}'"
        return f"COPY {source} TO {target} WITH ({options})"

    def assert_refused(self, statement, message):
        """The reference's text is the whole message, not a part of it."""
        fault = self.sql.fault(statement)
        self.assertEqual(fault.message, message)
        return fault

    def test_options(self):
        connection = "AWS CONNECTION = aws_conn"
        cases = {
            f"{connection}, FORMAT = 'nosuch'": "unknown FORMAT: nosuch",
            connection: "COPY TO <expr> requires a FORMAT option",
            "FORMAT = 'csv'": "AWS CONNECTION is required for COPY ... TO <expr>",
            "AWS CONNECTION = t, FORMAT = 'csv'": "only AWS CONNECTION is supported for COPY ... TO <expr>",
            f"{connection}, FORMAT = 'text'": "FORMAT TEXT not yet supported",
            f"{connection}, FORMAT = 'binary'": "FORMAT BINARY not yet supported",
            f"{connection}, FORMAT = 'csv', QUOTE = '||'": "COPY quote must be a single one-byte character",
            f"{connection}, FORMAT = 'csv', ESCAPE = 'ä'": "COPY escape must be a single one-byte character",
            f"{connection}, FORMAT = 'csv', DELIMITER = ''": "COPY delimiter must be a single one-byte character",
            f"{connection}, FORMAT = 'csv', DELIMITER = '\"'": "COPY delimiter and quote must be different",
            f"{connection}, FORMAT = 'csv', MAX FILE SIZE = '15MB'": "MAX FILE SIZE cannot be less than 16MB",
            f"{connection}, FORMAT = 'csv', MAX FILE SIZE = 16777215": "MAX FILE SIZE cannot be less than 16MB",
            f"{connection}, FORMAT = 'csv', MAX FILE SIZE = '4097MB'": "MAX FILE SIZE cannot be greater than 4GB",
            f"{connection}, FORMAT = 'csv', MAX FILE SIZE = '99999999TB'": "bytes value exceeds u64 range",
            "AWS CONNECTION = nosuch, FORMAT = 'csv'": 'connection "nosuch" does not exist',
        }
        for suffix in ("K", "KB", "gb"):
            cases[f"{connection}, FORMAT = 'csv', MAX FILE SIZE = '100{suffix}'"] = (
                f'couldn\'t parse "{suffix}" into a known SI unit, invalid BytesUnit: {suffix}. '
                "Valid units are B, kB, MB, GB, and TB. Valid units are B, kB, MB, GB, and TB")
        for options, message in cases.items():
            with self.subTest(options):
                self.assert_refused(self.copy(options=options), message)
        fault = self.sql.fault(self.copy(options=f"{connection}, FORMAT = 'csv', MAX FILE SIZE = 'B'"))
        self.assertRegex(fault.message, r"\Acouldn't parse .* as a number, .+")

    def test_the_first_of_several_faults_is_told(self):
        """In the reference's order: each statement has one fault less than the one before."""
        rest = "MAX FILE SIZE = 1"
        quoted = f"QUOTE = '||', {rest}"
        ordered = "(SELECT a FROM t ORDER BY a)"
        steps = (
            ("t (a)", f"FORMAT = 'nosuch', {quoted}", "1", "unknown FORMAT: nosuch"),
            ("t (a)", quoted, "1", "COPY TO <expr> requires a FORMAT option"),
            ("t (a)", f"FORMAT = 'csv', {quoted}", "1", "specifying columns for COPY <table_name> TO commands not yet "
             "supported; use COPY (SELECT...) TO ... instead"),
            (ordered, f"FORMAT = 'csv', {quoted}", "1", "ORDER BY is not supported in SELECT query for COPY statements"),
            ("t", f"FORMAT = 'csv', {quoted}", "1", "AWS CONNECTION is required for COPY ... TO <expr>"),
            ("t", f"FORMAT = 'csv', AWS CONNECTION = t, {quoted}", "1",
             "only AWS CONNECTION is supported for COPY ... TO <expr>"),
            ("t", f"FORMAT = 'csv', AWS CONNECTION = aws_conn, {quoted}", "1",
             "COPY quote must be a single one-byte character"),
            ("t", f"FORMAT = 'csv', AWS CONNECTION = aws_conn, QUOTE = ',', {rest}", "1",
             "COPY delimiter and quote must be different"),
            ("t", f"FORMAT = 'text', AWS CONNECTION = aws_conn, {rest}", "1", "FORMAT TEXT not yet supported"),
            ("t", f"FORMAT = 'csv', AWS CONNECTION = aws_conn, {rest}", "1",
             "COPY TO target must have type text, not type integer"),
            ("t", f"FORMAT = 'csv', AWS CONNECTION = aws_conn, {rest}", "NULL", "MAX FILE SIZE cannot be less than 16MB"),
            ("t", "FORMAT = 'csv', AWS CONNECTION = aws_conn", "NULL", "COPY TO target value can not be null"),
            ("t", "FORMAT = 'csv', AWS CONNECTION = aws_conn", "'http://x'",
             "only 's3://...' urls are supported as COPY TO target"),
        )
        for source, options, target, message in steps:
            with self.subTest(message):
                self.assert_refused(self.copy(source, options, target), message)

    def test_options_that_do_not_exist_are_syntax_errors(self):
        for options in ("", OPTIONS + ", NOSUCH = 1", OPTIONS + ", FORMAT"):
            with self.subTest(options):
                self.assert_fault(self.copy(options=options), "42601")

    def test_sources(self):
        self.assert_refused(self.copy("t (a)"), "specifying columns for COPY <table_name> TO commands not yet supported; "
                            "use COPY (SELECT...) TO ... instead")
        self.assert_refused(self.copy("(SELECT a FROM t ORDER BY a)"),
                            "ORDER BY is not supported in SELECT query for COPY statements")
        self.assertEqual(self.assert_refused(self.copy("nosuch"), 'relation "nosuch" does not exist').sqlstate, "42P01")
        self.assertEqual(self.assert_refused(self.copy("(SELECT nosuch FROM t)"), 'column "nosuch" does not exist').sqlstate,
                         "42703")

    def test_targets(self):
        not_s3 = "only 's3://...' urls are supported as COPY TO target"
        cases = {
            "NULL": "COPY TO target value can not be null",
            "NULL::text": "COPY TO target value can not be null",
            "'s3://x/' || NULL": "COPY TO target value can not be null",
            "1 + 1": "COPY TO target must have type text, not type integer",
            "true": "COPY TO target must have type text, not type boolean",
            "now()": "COPY TO target must have type text, not type timestamp with time zone",
            "'http://bucket/x'": not_s3,
            "'gs://bucket/x'": not_s3,
            "'/var/tmp/x'": not_s3,
            "'bucket/x'": not_s3,
        }
        for target, message in cases.items():
            with self.subTest(target):
                self.assert_refused(self.copy(target=target), message)
        # The reason is the url parser's own.
        for target in ("''", "'s3://'", "'s3:///x'", "'s3://x/a b'"):
            with self.subTest(target):
                self.assertRegex(self.sql.fault(self.copy(target=target)).message,
                                 r"\Acould not parse COPY TO target url: .+")
        path = f"'{self.bucket.url(self.prefix)}'"
        # What is not one value of one row is refused, and not taken as one.
        for target, sqlstate in (("(SELECT 's3://x/y')", "0A000"), ("a", "42703"), (f"max({path})", "42803"),
                                 (f"first_value({path}) OVER ()", "42P20"), (f"unnest(ARRAY[{path}])", "0A000"),
                                 (f"{path} || $1", "42P02")):
            with self.subTest(target):
                self.assertEqual(self.sql.fault(self.copy(target=target)).sqlstate, sqlstate)

    def test_the_target_may_name_the_day(self):
        for _ in range(2):  # midnight may come between the two statements
            (day,), = self.sql.query("SELECT to_char(now(), 'YYYY-MM-DD')").rows
            target = f"'{self.bucket.url(self.prefix)}/' || to_char(now(), 'YYYY-MM-DD')"
            self.assertEqual(self.sql.query(self.copy(target=target)).tag, "COPY 2")
            folders = {key.rsplit("/", 1)[0] for key in self.bucket.list(self.prefix)}
            self.bucket.client.clear(self.bucket.name, self.prefix + "/")
            if folders == {f"{self.prefix}/{day}"}:
                return
        self.fail(f"{folders}, and not {day}")

    def test_the_target_has_no_logical_time(self):
        """The target is evaluated before the export has a time: mz_now() is refused in it, and nowhere else."""
        path = f"'{self.bucket.url(self.prefix)}/'"
        for target in (f"{path} || mz_now()::text", "mz_now()", f"CASE WHEN mz_now() > 0 THEN {path} END"):
            for statement in (self.copy(target=target), "BEGIN; " + self.copy(target=target)):
                with self.subTest(statement):
                    fault = self.sql.fault(statement)
                    self.assertEqual(fault.sqlstate, "0A000", fault)
                    self.assertIn("mz_now", fault.message)
                    self.sql.query("ROLLBACK")
        self.assertEqual(self.sql.query(self.copy("(SELECT a FROM t WHERE mz_now() > 0)")).tag, "COPY 2")
        self.bucket.client.clear(self.bucket.name, self.prefix + "/")

    def test_order_by_is_found_before_the_target(self):
        self.assert_refused(self.copy("(SELECT a FROM t ORDER BY a)", target="NULL"),
                            "ORDER BY is not supported in SELECT query for COPY statements")

    def test_the_path_must_be_empty(self):
        for i in range(3):
            self.bucket.client.put(self.bucket.name, f"{self.prefix}/kept{i}", b"x")
        self.assert_refused(self.copy(), "S3 bucket path is not empty, contains 3 objects")
        self.assertEqual(len(self.bucket.list(self.prefix)), 3)

    def test_a_sibling_is_not_in_the_path(self):
        self.bucket.client.put(self.bucket.name, f"{self.prefix}0/kept", b"x")
        self.assertEqual(self.sql.query(self.copy()).tag, "COPY 2")
        self.bucket.client.clear(self.bucket.name, self.prefix + "/")

    def test_wrong_keys(self):
        with self.server.wire() as connection:
            connection.query("CREATE SECRET wrong AS 'wrong'")
            for name, key, code in (("wrong_secret", self.bucket.key, "SignatureDoesNotMatch"),
                                    ("wrong_key", "AKIANOSUCHKEY", "InvalidAccessKeyId")):
                connection.query(f"CREATE CONNECTION {name} TO AWS (ACCESS KEY ID = '{key}', SECRET ACCESS KEY = SECRET wrong, "
                                 f"ENDPOINT = '{self.bucket.endpoint}', REGION = 'us-east-1')")
                self.assert_fault(self.copy(options=f"AWS CONNECTION = {name}, FORMAT = 'csv'"), message=code)

    def test_a_bucket_that_is_not_there(self):
        fault = self.assert_fault(self.copy(target="'s3://no-such-bucket-here/x'"), message="NoSuchBucket")
        self.assertIn("no-such-bucket-here", fault.message)

    def test_an_endpoint_where_nobody_listens(self):
        self.sql.query("CREATE CONNECTION nobody TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = SECRET aws_conn_secret, "
                       "ENDPOINT = 'http://127.0.0.1:1', REGION = 'us-east-1')")
        fault = self.sql.fault(self.copy(options="AWS CONNECTION = nobody, FORMAT = 'csv'"))
        self.assertIn("127.0.0.1", fault.message)

    def test_an_error_in_the_rows_undoes_all(self):
        self.sql.query("CREATE TABLE zeros AS SELECT CASE WHEN i = 99999 THEN 0 ELSE i END AS i FROM generate_series(1, 100000) AS g(i)")
        for form in ("csv", "parquet"):
            with self.subTest(form):
                fault = self.sql.fault(self.copy("(SELECT 1 / i AS x FROM zeros)", f"AWS CONNECTION = aws_conn, FORMAT = '{form}'"))
                self.assertEqual((fault.sqlstate, fault.message), ("22012", "division by zero"))
                self.assertEqual(self.bucket.list(self.prefix), {})
        self.assertEqual(self.sql.query(self.copy("zeros")).tag, "COPY 100000")
        self.bucket.client.clear(self.bucket.name, self.prefix)

    def test_cancel_undoes_all_and_a_rerun_succeeds(self):
        self.sql.query("CREATE TABLE several AS SELECT i FROM generate_series(1, 3000) AS g(i)")
        source = "(SELECT a.i AS x, b.i AS y FROM several a, several b, several c)"  # 27 billion rows
        for form in ("csv", "parquet"):
            with self.subTest(form):
                # A bound as small as it may be, so that uploads are under way early.
                options = f"AWS CONNECTION = aws_conn, FORMAT = '{form}', MAX FILE SIZE = '16MB'"
                self.sql.send("Q", self.copy(source, options).encode() + b"\0")
                wire.wait_until(lambda: len(self.bucket.list(self.prefix)) > 0, "the sentinel", 60)
                (sentinel,) = [key for key in self.bucket.list(self.prefix) if key.endswith("-INCOMPLETE")]
                self.assertRegex(sentinel, rf"^{self.prefix}/mz-t\d+-INCOMPLETE$")
                wire.wait_until(lambda: self.bucket.client.uploads(self.bucket.name, self.prefix), "an upload", 60)
                wire.cancel(self.server.host, self.server.port, self.sql.key)
                with self.assertRaises(wire.Fault) as caught:
                    self.sql.until_ready()
                self.assertEqual(caught.exception.sqlstate, "57014")
                self.assertEqual(self.bucket.list(self.prefix), {})
                wire.wait_until(lambda: not self.bucket.client.uploads(self.bucket.name, self.prefix), "the uploads' end")
        self.assertEqual(self.sql.query(self.copy("t")).tag, "COPY 2")
        self.bucket.client.clear(self.bucket.name, self.prefix)

    def test_a_client_that_leaves_undoes_all(self):
        self.sql.query("CREATE TABLE some2 AS SELECT i FROM generate_series(1, 3000) AS g(i)")
        with self.server.wire() as leaving:
            leaving.send("Q", self.copy("(SELECT a.i AS x FROM some2 a, some2 b, some2 c)").encode() + b"\0")
            wire.wait_until(lambda: self.bucket.list(self.prefix), "the sentinel", 60)
        wire.wait_until(lambda: not self.bucket.list(self.prefix), "the sentinel's end", 60)


if __name__ == "__main__":
    harness.main()
