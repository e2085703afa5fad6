#!/usr/bin/python3
"""Secrets and AWS connections: their rules, and that a secret is never seen again."""

import harness

SECRET = "s3kr3t/Value+With=Signs"


class Connections(harness.ServerTest):
    def setUp(self):
        super().setUp()
        for name in ("c", "c2"):
            self.sql.query(f"DROP CONNECTION IF EXISTS {name}")
        self.sql.query("DROP SECRET IF EXISTS s")
        self.sql.query(f"CREATE SECRET s AS '{SECRET}'")

    def create(self, options, name="c"):
        return f"CREATE CONNECTION {name} TO AWS ({options})"

    KEYS = "ACCESS KEY ID = 'AKIAEXAMPLE', SECRET ACCESS KEY = SECRET s"

    def test_tags(self):
        self.assertEqual(self.sql.query("CREATE SECRET s2 AS 'x'").tag, "CREATE SECRET")
        self.assertEqual(self.sql.query("ALTER SECRET s2 AS 'y'").tag, "ALTER SECRET")
        self.assertEqual(self.sql.query("DROP SECRET s2").tag, "DROP SECRET")
        self.assertEqual(self.sql.query(self.create(self.KEYS)).tag, "CREATE CONNECTION")
        self.assertEqual(self.sql.query("ALTER CONNECTION c SET (REGION = 'eu-west-1')").tag, "ALTER CONNECTION")
        self.assertEqual(self.sql.query("DROP CONNECTION c").tag, "DROP CONNECTION")

    def test_options_belong_together(self):
        pair = "must specify both ACCESS KEY ID and SECRET ACCESS KEY with optional SESSION TOKEN"
        cases = {
            "ACCESS KEY ID = 'a'": pair,
            "SECRET ACCESS KEY = SECRET s": pair,
            "SESSION TOKEN = 't'": pair,
            "REGION = 'us-east-1'": "must specify either ASSUME ROLE ARN or ACCESS KEY ID and SECRET ACCESS KEY",
        }
        for options, message in cases.items():
            with self.subTest(options):
                self.assert_fault(self.create(options), message=message)

    def test_values_have_their_kinds(self):
        self.sql.query("CREATE SECRET IF NOT EXISTS id AS 'AKIAEXAMPLE'")
        self.sql.query(self.create("ACCESS KEY ID = SECRET id, SECRET ACCESS KEY = SECRET s, SESSION TOKEN = SECRET s"))
        self.assert_fault(self.create("ACCESS KEY ID = 'a', SECRET ACCESS KEY = 'inline'", "c2"))
        self.assert_fault(self.create("ACCESS KEY ID = 'a', SECRET ACCESS KEY = SECRET nosuch", "c2"), "42704")
        self.assert_fault(self.create(self.KEYS + ", NOSUCH = 'x'", "c2"))
        self.assert_fault(self.create(self.KEYS + ", REGION = 'a', REGION = 'b'", "c2"))

    def test_names_are_taken_once(self):
        self.sql.query(self.create(self.KEYS))
        self.assert_fault(self.create(self.KEYS), "42710")
        self.sql.query("CREATE CONNECTION IF NOT EXISTS c TO AWS (" + self.KEYS + ")")
        self.assert_fault(f"CREATE SECRET s AS 'again'", "42710")
        self.sql.query("CREATE SECRET IF NOT EXISTS s AS 'again'")

    def test_a_secret_in_use_stays(self):
        self.sql.query(self.create(self.KEYS))
        self.assert_fault("DROP SECRET s", "2BP01")
        self.sql.query("DROP CONNECTION c")
        self.sql.query("DROP SECRET s")
        self.assert_fault("DROP SECRET s", "42704")
        self.assert_fault("DROP CONNECTION nosuch", "42704")

    def test_show_create_names_the_secret_only(self):
        self.sql.query(self.create(self.KEYS + ", ENDPOINT = 'http://127.0.0.1:1', REGION = 'eu-west-1'"))
        result = self.sql.query("SHOW CREATE CONNECTION c")
        self.assertEqual(result.columns, ["name", "create_sql"])
        ((name, sql),) = result.rows
        self.assertEqual(name, "materialize.public.c")
        for part in ("CREATE CONNECTION", '"materialize"."public"."c"', "AKIAEXAMPLE", "eu-west-1", "http://127.0.0.1:1",
                     'SECRET "materialize"."public"."s"'):
            self.assertIn(part, sql)
        self.assertNotIn(SECRET, sql)
        redacted = self.sql.rows("SHOW REDACTED CREATE CONNECTION c")[0][1]
        self.assertNotIn("AKIAEXAMPLE", redacted)

    def test_alter_is_seen_at_once(self):
        self.sql.query(self.create(self.KEYS))
        self.sql.query("ALTER CONNECTION c SET (ACCESS KEY ID = 'AKIAOTHER', REGION = 'eu-north-1')")
        self.assertEqual(self.sql.rows("SELECT access_key_id, region FROM mz_internal.mz_aws_connections a "
                                       "JOIN mz_connections c ON a.id = c.id WHERE c.name = 'c'"),
                         [["AKIAOTHER", "eu-north-1"]])
        self.sql.query("ALTER CONNECTION c RESET (REGION)")
        self.assertEqual(self.sql.rows("SELECT region FROM mz_internal.mz_aws_connections"), [[None]])
        self.assert_fault("ALTER CONNECTION c DROP (ACCESS KEY ID)",
                          message="must specify both ACCESS KEY ID and SECRET ACCESS KEY")

    def test_secrets_are_seen_nowhere(self):
        bucket = harness.bucket()
        self.sql.query(f"ALTER SECRET s AS '{SECRET}'")
        self.sql.query(self.create(self.KEYS + f", ENDPOINT = '{bucket.endpoint}', REGION = '{bucket.region}'"))
        said = []
        for sql in (f"CREATE SECRET s AS '{SECRET}'", f"CREATE SECRET broken AS '{SECRET}' nosuch", f"ALTER SECRET nosuch AS '{SECRET}'",
                    f"COPY (SELECT 1) TO '{bucket.url(bucket.fresh())}' WITH (AWS CONNECTION = c, FORMAT = 'csv')",
                    f"CREATE SECRET t AS '{SECRET}'; SELECT nosuch"):
            fault = self.sql.fault(sql)
            said.append(" ".join(f"{k}={v}" for k, v in fault.fields.items()))
        tables = [row[0] for row in self.sql.rows(
            "SELECT s.name || '.' || o.name FROM mz_objects o JOIN mz_schemas s ON o.schema_id = s.id "
            "WHERE s.name LIKE 'mz_%' AND o.type IN ('table', 'view', 'source')")]
        self.assertIn("mz_catalog.mz_secrets", tables)
        for table in tables:
            said += [str(row) for row in self.sql.rows(f"SELECT * FROM {table}")]
        for sql in ("SHOW CREATE CONNECTION c", "SHOW SECRETS", "SHOW CONNECTIONS"):
            said += [str(row) for row in self.sql.rows(sql)]
        for text in said:
            self.assertNotIn(SECRET, text)
        self.assertNotIn(SECRET, self.server.http("GET", "/metrics")[1])
        self.assertNotIn(SECRET, self.server.log())

    def test_a_new_secret_is_used_at_once(self):
        bucket = harness.bucket()
        self.sql.query(f"CREATE CONNECTION c TO AWS (ACCESS KEY ID = '{bucket.key}', SECRET ACCESS KEY = SECRET s, "
                       f"ENDPOINT = '{bucket.endpoint}', REGION = '{bucket.region}')")
        copy = f"COPY (SELECT 1) TO '{bucket.url(bucket.fresh())}' WITH (AWS CONNECTION = c, FORMAT = 'csv')"
        self.assert_fault(copy, message="SignatureDoesNotMatch")
        self.sql.query(f"ALTER SECRET s AS '{bucket.secret}'")
        self.assertEqual(self.sql.query(copy).tag, "COPY 1")


class SecretsInLogs(harness.ServerTest):
    arguments = ("--log-level", "debug")

    def test_not_even_at_level_debug(self):
        bucket = harness.bucket()
        harness.create_connection(self.sql, bucket)
        self.sql.query(f"COPY (SELECT 1) TO '{bucket.url(bucket.fresh())}' WITH (AWS CONNECTION = aws_conn, FORMAT = 'csv')")
        self.assertNotIn(bucket.secret, self.server.log())


if __name__ == "__main__":
    harness.main()
