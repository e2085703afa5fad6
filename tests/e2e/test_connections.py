#!/usr/bin/python3
"""Secrets and AWS connections: their rules, and that a secret is never seen again."""

import json
import subprocess
import threading
import time

import document
import fake_s3
import harness
import s3fake
import wire

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


UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ROLE = "arn:aws:iam::123456789012:role/r"
CHECKS = ["list", "put", "conditional put", "multipart create", "multipart upload", "multipart abort", "delete"]


class Roles(harness.ServerTest):
    """Roles against a strict STS, which evaluates trust policies as AWS does. The server's own
    credentials are those of a user there, in its environment."""

    @classmethod
    def setUpClass(cls):
        cls.store = s3fake.FakeS3()
        cls.addClassCleanup(cls.store.close)
        cls.user = cls.store.tell("user", "operator", "AKIAOPERATOR", "operator/secret")
        cls.server_role = cls.role("server", cls.trust(cls.user))
        cls.server = harness.Server("--aws-connection-role-arn", cls.server_role, environment=cls.environment())
        cls.addClassCleanup(cls.server.close)

    @classmethod
    def environment(cls):
        return {"AWS_ACCESS_KEY_ID": "AKIAOPERATOR", "AWS_SECRET_ACCESS_KEY": "operator/secret",
                "AWS_REGION": cls.store.region}

    @classmethod
    def role(cls, name, trust):
        arn = cls.store.tell("role", name, json.dumps(trust))
        assert arn.startswith("arn:"), arn
        return arn

    @staticmethod
    def trust(principal, external_id=None):
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
        if external_id:
            statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
        return {"Version": "2012-10-17", "Statement": [statement]}

    def setUp(self):
        super().setUp()
        self.store.do("reset")
        self.sql.query("DROP CONNECTION IF EXISTS c")
        self.sql.query("DROP TABLE IF EXISTS t")

    def connect(self, options="", name="c", arn=None):
        arn = arn or self.store.tell("role", name, json.dumps(self.trust("arn:aws:iam::123456789012:user/nobody")))
        self.sql.query(f"CREATE CONNECTION {name} TO AWS (ASSUME ROLE ARN = '{arn}', REGION = '{self.store.region}', "
                       f"ENDPOINT = '{self.store.endpoint}'{options})")
        return arn

    def trust_us(self, name="c"):
        """As the administrator does: the role's policy is what the server says."""
        ((policy,),) = self.sql.rows(f"SHOW TRUST POLICY FOR CONNECTION {name}")
        self.role(name, json.loads(policy))

    def aws(self, columns):
        return self.sql.rows(f"SELECT {columns} FROM mz_internal.mz_aws_connections a "
                             "JOIN mz_connections c ON a.id = c.id WHERE c.name = 'c'")[0]

    def test_the_guides_steps(self):
        self.connect()
        fault = self.assert_fault("VALIDATE CONNECTION c", "58000", "AccessDenied")
        self.assertIn("AssumeRole", fault.message)
        self.trust_us()
        result = self.sql.query("VALIDATE CONNECTION c")
        self.assertEqual((result.tag, result.rows), ("VALIDATE CONNECTION", []))
        self.sql.query("CREATE TABLE t (a int)")
        self.sql.query("INSERT INTO t VALUES (1), (2)")
        self.assertEqual(self.sql.query(f"COPY t TO '{self.store.url('p')}' WITH (AWS CONNECTION = c, FORMAT = 'csv')").tag,
                         "COPY 2")
        self.assertEqual(len(self.store.objects()), 1)

    def test_the_system_relation_says_whom_to_trust(self):
        arn = self.connect(", ASSUME ROLE SESSION NAME = 'mine'")
        connection, role, session, principal, external_id, policy = self.aws(
            "a.id, assume_role_arn, assume_role_session_name, principal, external_id, example_trust_policy")
        self.assertEqual((role, session, principal), (arn, "mine", self.server_role))
        self.assertRegex(external_id, f"^mz_{UUID}_{connection}$")
        self.assertEqual(json.loads(policy), self.trust(self.server_role, external_id))
        self.assertEqual(json.loads(self.sql.rows("SHOW TRUST POLICY FOR CONNECTION c")[0][0]), json.loads(policy))
        self.assertEqual(self.aws("example_trust_policy -> 'Statement' -> 0 -> 'Condition' -> 'StringEquals' ->> 'sts:ExternalId'"),
                         [external_id])
        columns = self.sql.query("SELECT * FROM mz_internal.mz_aws_connections").columns
        self.assertEqual(columns, ["id", "endpoint", "region", "access_key_id", "access_key_id_secret_id",
                                   "secret_access_key_secret_id", "session_token", "session_token_secret_id",
                                   "assume_role_arn", "assume_role_session_name", "principal", "external_id",
                                   "example_trust_policy"])
        self.assertEqual(self.aws("pg_typeof(example_trust_policy)"), ["jsonb"])

    def test_sessions_have_names_and_the_external_id(self):
        arn = self.connect(", ASSUME ROLE SESSION NAME = 'mine'")
        self.trust_us()
        self.sql.query("VALIDATE CONNECTION c")
        connection, external_id = self.aws("a.id, external_id")
        prefix = external_id.split("_")[1]
        assumed = self.store.tell("assumed").split(";")
        self.assertIn(f"{arn} mine {external_id}", assumed)
        self.assertIn(f"{self.server_role} sluice-{prefix}-{connection} ", assumed)
        self.sql.query("ALTER CONNECTION c RESET (ASSUME ROLE SESSION NAME)")
        self.sql.query("VALIDATE CONNECTION c")
        self.assertIn(f"{arn} sluice-{prefix}-{connection} {external_id}", self.store.tell("assumed").split(";"))

    def test_a_role_for_anyone_is_refused(self):
        arn = self.connect()
        self.role("c", self.trust(self.server_role))
        fault = self.assert_fault("VALIDATE CONNECTION c", "58000", "role trust policy does not require an external ID")
        self.assertEqual(fault.message, "role trust policy does not require an external ID")
        self.assertIn(f"The trust policy for the connection's role ({arn}) is insecure and allows any", fault.fields["D"])
        self.assertIn("docs/aws.md", fault.fields["H"])

    def test_another_connections_external_id_is_refused(self):
        self.connect()
        self.role("c", self.trust(self.server_role, "mz_00000000-0000-4000-8000-000000000000_u1"))
        self.assert_fault("VALIDATE CONNECTION c", "58000", "AccessDenied")

    def test_create_and_alter_validate_when_asked(self):
        arn = self.role("c", self.trust("arn:aws:iam::123456789012:user/nobody"))
        create = (f"CREATE CONNECTION c TO AWS (ASSUME ROLE ARN = '{arn}', ENDPOINT = '{self.store.endpoint}', "
                  f"REGION = '{self.store.region}') WITH (VALIDATE = %s)")
        self.assert_fault(create % "true", "58000", "AccessDenied")
        self.assert_fault("SHOW CREATE CONNECTION c", "42704")
        self.sql.query(create % "false")
        self.assert_fault("ALTER CONNECTION c SET (ASSUME ROLE SESSION NAME = 'mine') WITH (VALIDATE = true)", "58000")
        self.assertEqual(self.aws("assume_role_session_name"), [None])
        self.trust_us()
        self.sql.query("ALTER CONNECTION c SET (ASSUME ROLE SESSION NAME = 'mine') WITH (VALIDATE = true)")
        self.assertEqual(self.aws("assume_role_session_name"), ["mine"])
        self.assert_fault("ALTER CONNECTION c SET (REGION = 'x') WITH (VALIDATE = maybe)", "22023")

    def test_external_ids_are_as_stable_as_the_connection(self):
        self.connect()
        before = self.aws("a.id, external_id")
        self.sql.query("ALTER CONNECTION c SET (ASSUME ROLE ARN = 'arn:aws:iam::1:role/other')")
        self.sql.query("ALTER CONNECTION c RENAME TO d")
        self.sql.query("ALTER CONNECTION d RENAME TO c")
        self.assertEqual(self.aws("a.id, external_id"), before)
        self.server.restart()
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)
        self.assertEqual(self.aws("a.id, external_id"), before)
        self.sql.query("DROP CONNECTION c")
        self.connect()
        self.assertNotEqual(self.aws("external_id"), before[1:])

    def test_role_options_belong_together(self):
        cases = {
            "ASSUME ROLE SESSION NAME = 'n'": "must specify ASSUME ROLE ARN with optional ASSUME ROLE SESSION NAME",
            f"ASSUME ROLE ARN = '{ROLE}', ACCESS KEY ID = 'a', SECRET ACCESS KEY = SECRET s":
                "cannot specify both ACCESS KEY ID and ASSUME ROLE ARN",
            f"ASSUME ROLE ARN = '{ROLE}', BROKER = 'b'": "AWS connections do not support BROKER values",
        }
        self.sql.query("CREATE SECRET IF NOT EXISTS s AS 'x'")
        for options, message in cases.items():
            with self.subTest(options):
                self.assert_fault(f"CREATE CONNECTION d TO AWS ({options})", message=message)

    def test_alter_changes_mode_at_once(self):
        self.connect()
        self.sql.query("CREATE SECRET IF NOT EXISTS s AS 'x'")
        self.assert_fault("ALTER CONNECTION c SET (ACCESS KEY ID = 'a')",
                          message="must specify both ACCESS KEY ID and SECRET ACCESS KEY with optional SESSION TOKEN")
        self.sql.query("ALTER CONNECTION c SET (ACCESS KEY ID = 'a', SECRET ACCESS KEY = SECRET s), DROP (ASSUME ROLE ARN)")
        self.assertEqual(self.aws("access_key_id, assume_role_arn, principal, external_id, example_trust_policy"),
                         ["a", None, None, None, None])
        self.assert_fault("SHOW TRUST POLICY FOR CONNECTION c", "22023", "assumes no role")

    def test_show_create_names_the_role(self):
        arn = self.connect(", SSE = 'aws:kms', KMS KEY ID = 'alias/k', STORAGE CLASS = 'STANDARD_IA', BUCKET OWNER = '123456789012'")
        sql = self.sql.rows("SHOW CREATE CONNECTION c")[0][1]
        for part in (f"ASSUME ROLE ARN = '{arn}'", "SSE = 'aws:kms'", "KMS KEY ID = 'alias/k'",
                     "STORAGE CLASS = 'STANDARD_IA'", "BUCKET OWNER = '123456789012'"):
            self.assertIn(part, sql)
        redacted = self.sql.rows("SHOW REDACTED CREATE CONNECTION c")[0][1]
        self.assertNotIn(arn, redacted)
        self.sql.query("DROP CONNECTION c")
        self.sql.query(sql)  # it is a statement
        self.assertEqual(self.sql.rows("SHOW CREATE CONNECTION c")[0][1], sql)

    def test_the_iam_policy_is_the_guides(self):
        self.connect()
        result = self.sql.query("SHOW IAM POLICY FOR CONNECTION c TO 's3://lake/exp/a/'")
        self.assertEqual(result.columns, ["policy"])
        ((policy,),) = result.rows
        self.assertIn("\n    ", policy)
        self.assertEqual(json.loads(policy), {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::lake/exp/a/*"},
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::lake",
             "Condition": {"StringLike": {"s3:prefix": ["exp/a/*"]}}}]})
        self.assert_fault("SHOW IAM POLICY FOR CONNECTION c TO 'file:///tmp'", "22023")
        self.assert_fault("SHOW IAM POLICY FOR CONNECTION nosuch TO 's3://lake'", "42704")

    def test_what_the_guide_says_is_so(self):
        """Its policies are those that the server writes, and its statements run in their order."""
        values = {"bucket": self.store.name, "prefix": "exp/a", "path": "one", "account-id": "123456789012", "role": "c",
                  "region": self.store.region, "principal": self.server_role}
        blocks = [(block.kind, document.filled(block.text, values)) for block in document.blocks("aws.md") if block.kind != "text"]
        iam, trust = (json.loads(text) for kind, text in blocks if kind == "json")
        role = self.role("c", trust)
        self.sql.query("DROP CONNECTION IF EXISTS aws_connection")
        self.sql.query("CREATE TABLE IF NOT EXISTS some_object (a int)")
        self.assertEqual(role, "arn:aws:iam::123456789012:role/c")
        run = []
        for statement in (text.strip() for kind, text in blocks if kind == "sql"):
            if statement.startswith("SHOW IAM POLICY") and not run:
                continue  # the document names it before there is a connection
            run.append(statement)
            rows = self.sql.rows(statement)
            if statement.startswith("CREATE CONNECTION"):
                self.sql.query(f"ALTER CONNECTION aws_connection SET (ENDPOINT = '{self.store.endpoint}')")
                self.assert_fault("VALIDATE CONNECTION aws_connection", "58000", "AccessDenied")
                policy = self.sql.rows("SHOW IAM POLICY FOR CONNECTION aws_connection TO 's3://" + self.store.name + "/exp/a'")
                self.assertEqual(json.loads(policy[0][0]), iam)
            elif statement.startswith("SELECT awsc.id, external_id"):
                ((_, external_id),) = rows
                self.role("c", self.trust(self.server_role, external_id))
            elif statement.startswith("SHOW TRUST POLICY"):
                trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] = external_id
                self.assertEqual(json.loads(rows[0][0]), trust)
        self.assertEqual({row[0]: row[1:3] for row in rows}["CHECKSUM"], ["CRC64NVME", "given"])
        self.assertEqual({row[0]: row[1:3] for row in rows}["EQUAL PARTS"], ["false", "probed"])
        self.assertEqual([statement.split()[0] for statement in run],
                         ["CREATE", "SELECT", "SHOW", "VALIDATE", "VALIDATE", "COPY", "ALTER", "ALTER", "SELECT"])
        self.sql.query("DROP CONNECTION aws_connection")

    def rights(self, prefix="exp/a"):
        result = self.sql.query(f"VALIDATE CONNECTION c WITH (S3 PATH = '{self.store.url(prefix)}')")
        self.assertEqual(result.columns, ["check", "outcome", "detail"])
        self.assertEqual([row[0] for row in result.rows], CHECKS)
        self.assertTrue(self.store.is_empty())
        return {check: (outcome, detail) for check, outcome, detail in result.rows}

    def test_a_path_is_really_tried(self):
        self.connect()
        self.trust_us()
        self.assertEqual(self.rights(), {check: ("ok", "") for check in CHECKS})
        for operation, check, right in (("ListObjectsV2", "list", "s3:ListBucket"), ("PutObject", "put", "s3:PutObject"),
                                        ("CreateMultipartUpload", "multipart create", "s3:PutObject"),
                                        ("AbortMultipartUpload", "multipart abort", "s3:AbortMultipartUpload"),
                                        ("DeleteObject", "delete", "s3:DeleteObject")):
            with self.subTest(operation):
                self.store.do("reset")
                self.store.do("deny", operation)
                outcome, detail = self.rights()[check]
                self.assertEqual(outcome, "failed")
                self.assertIn(right, detail)
        self.assert_fault("VALIDATE CONNECTION c WITH (S3 PATH = 'http://x')", "22023", "S3 PATH")
        self.assert_fault("VALIDATE CONNECTION c WITH (VALIDATE = true)", "42601")

    def test_a_probe_can_be_cancelled_and_leaves_nothing(self):
        self.connect()
        self.trust_us()
        self.store.do("hold", 8, "CreateMultipartUpload")
        faults = []
        probe = threading.Thread(target=lambda: faults.append(self.sql.fault(
            f"VALIDATE CONNECTION c WITH (S3 PATH = '{self.store.url('p')}')")))
        probe.start()
        wire.wait_until(self.store.objects, "the probe's object")
        began = time.monotonic()
        wire.cancel(self.server.host, self.server.port, self.sql.key)
        probe.join(30)
        self.assertLess(time.monotonic() - began, 6)
        self.assertEqual([fault.sqlstate for fault in faults], ["57014"])
        self.assertEqual(self.store.objects(), [])

    def test_what_gives_rows_is_described_without_asking_aws(self):
        self.connect()
        before = self.store.tell("assumed")
        for sql, columns in (("SHOW TRUST POLICY FOR CONNECTION c", ["policy"]),
                             ("SHOW IAM POLICY FOR CONNECTION c TO 's3://lake/p'", ["policy"]),
                             ("VALIDATE CONNECTION c WITH (S3 PATH = 's3://lake/p')", ["check", "outcome", "detail"]),
                             ("VALIDATE CONNECTION c", None)):
            with self.subTest(sql):
                self.sql.send("P", b"\0" + sql.encode() + b"\0\0\0")
                self.sql.send("D", b"S\0")
                self.sql.send("S")
                answers = [message for message in self.sql.receive_all() if message.type in "Tn"]
                self.assertEqual([message.type for message in answers], ["T" if columns else "n"])
                if columns:
                    self.assertEqual([column[0] for column in wire.description_of(answers[0].body)], columns)
        self.assertEqual(self.store.tell("assumed"), before)

    def test_keys_are_validated_too(self):
        self.sql.query("DROP SECRET IF EXISTS key")
        self.sql.query(f"CREATE SECRET key AS '{self.store.secret}'")
        self.sql.query(f"CREATE CONNECTION c TO AWS (ACCESS KEY ID = 'AKIAOPERATOR', SECRET ACCESS KEY = SECRET key, "
                       f"ENDPOINT = '{self.store.endpoint}', REGION = '{self.store.region}')")
        self.assert_fault("VALIDATE CONNECTION c", "58000", "SignatureDoesNotMatch")
        self.sql.query("ALTER SECRET key AS 'operator/secret'")
        self.assertEqual(self.sql.query("VALIDATE CONNECTION c").tag, "VALIDATE CONNECTION")
        self.sql.query("ALTER CONNECTION c SET (ACCESS KEY ID = 'AKIANOBODY')")
        self.assert_fault("VALIDATE CONNECTION c", "58000", "InvalidClientTokenId")
        self.sql.query("DROP CONNECTION c")
        self.sql.query("DROP SECRET key")


class RolesWithoutAServerRole(Roles):
    """The users' roles are assumed with the server's own credentials."""

    @classmethod
    def setUpClass(cls):
        cls.store = s3fake.FakeS3()
        cls.addClassCleanup(cls.store.close)
        cls.user = cls.store.tell("user", "operator", "AKIAOPERATOR", "operator/secret")
        cls.server_role = cls.user
        cls.server = harness.Server(environment=cls.environment())
        cls.addClassCleanup(cls.server.close)

    def test_the_system_relation_says_whom_to_trust(self):
        self.connect()
        principal, external_id, policy = self.aws("principal, external_id, example_trust_policy")
        self.assertEqual((principal, policy), (None, None))
        self.assertEqual(json.loads(self.sql.rows("SHOW TRUST POLICY FOR CONNECTION c")[0][0]), self.trust(self.user, external_id))

    def test_sessions_have_names_and_the_external_id(self):
        arn = self.connect()
        self.trust_us()
        self.sql.query("VALIDATE CONNECTION c")
        connection, external_id = self.aws("a.id, external_id")
        assumed = self.store.tell("assumed").split(";")
        self.assertIn(f"{arn} sluice-{external_id.split('_')[1]}-{connection} {external_id}", assumed)


class HowObjectsAreKept(harness.ServerTest):
    """SSE, KMS KEY ID, STORAGE CLASS and BUCKET OWNER, as the store gets to see them."""

    def test_options_travel_with_requests(self):
        heads = []

        class Recorder(fake_s3.Handler):
            def parse_request(self):
                good = super().parse_request()
                if good:
                    heads.append((self.command, self.path, dict(self.headers)))
                return good

        store = fake_s3.FakeS3()
        store.RequestHandlerClass = Recorder
        self.addCleanup(store.close)
        self.sql.query("CREATE SECRET s AS 'x'")
        self.sql.query(f"CREATE CONNECTION c TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = SECRET s, ENDPOINT = '{store.url}', "
                       "REGION = 'us-east-1', SSE = 'aws:kms', KMS KEY ID = 'alias/k', STORAGE CLASS = 'STANDARD_IA', "
                       "BUCKET OWNER = '123456789012')")
        self.sql.query("COPY (SELECT 1) TO 's3://lake/p' WITH (AWS CONNECTION = c, FORMAT = 'csv')")
        of_objects = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "alias/k",
                      "x-amz-storage-class": "STANDARD_IA"}
        begun = [head for head in heads if head[1].endswith("?uploads=") or head[0] == "PUT" and "partNumber" not in head[1]]
        self.assertGreaterEqual(len(begun), 2, heads)  # the sentinel and a file
        for command, path, headers in heads:
            self.assertEqual(headers.get("x-amz-expected-bucket-owner"), "123456789012")
            for name, value in of_objects.items():
                self.assertEqual(headers.get(name), value if (command, path, headers) in begun else None, (command, path, name))


class StoresWithoutSts(harness.ServerTest):
    """radosgw takes no GetCallerIdentity."""

    def setUp(self):
        super().setUp()
        self.bucket = harness.bucket()
        self.sql.query("DROP CONNECTION IF EXISTS c")
        self.sql.query("CREATE SECRET IF NOT EXISTS s AS 'x'")
        self.sql.query(f"ALTER SECRET s AS '{self.bucket.secret}'")
        self.sql.query(f"CREATE CONNECTION c TO AWS (ACCESS KEY ID = '{self.bucket.key}', SECRET ACCESS KEY = SECRET s, "
                       f"ENDPOINT = '{self.bucket.endpoint}', REGION = '{self.bucket.region}')")

    def test_what_could_be_checked_is_told(self):
        result = self.sql.query("VALIDATE CONNECTION c")
        self.assertEqual(result.tag, "VALIDATE CONNECTION")
        warning = self.sql.notices[-1]
        self.assertEqual(warning["S"], "WARNING")
        self.assertIn("that the store knows the access key was checked", warning["M"])
        self.assertIn("S3 PATH", warning["H"])

    def test_a_wrong_key_is_still_found(self):
        self.sql.query("ALTER SECRET s AS 'wrong'")
        self.assert_fault("VALIDATE CONNECTION c", "58000")
        self.sql.query("ALTER CONNECTION c SET (ACCESS KEY ID = 'nobody')")
        self.assert_fault("VALIDATE CONNECTION c", "58000")

    def test_a_path_is_tried(self):
        prefix = self.bucket.fresh()
        rows = self.sql.rows(f"VALIDATE CONNECTION c WITH (S3 PATH = '{self.bucket.url(prefix)}')")
        self.assertEqual([row[0] for row in rows], CHECKS)
        for check, outcome, detail in rows:
            if check != "conditional put":  # which this store may not know
                self.assertEqual((outcome, detail), ("ok", ""), check)
        self.assertEqual(self.bucket.list(prefix), {})

    def test_nobody_listens(self):
        self.sql.query("ALTER CONNECTION c SET (ENDPOINT = 'http://127.0.0.1:1')")
        self.assert_fault("VALIDATE CONNECTION c", "58000")


class RolesOfRadosgw(harness.ServerTest):
    """It has AssumeRole, policies of roles and sessions, but no GetCallerIdentity and no external IDs."""

    @classmethod
    def setUpClass(cls):
        cls.bucket = harness.bucket()
        cls.server = harness.Server(environment={"AWS_ACCESS_KEY_ID": cls.bucket.key, "AWS_SECRET_ACCESS_KEY": cls.bucket.secret})
        cls.addClassCleanup(cls.server.close)

    def role(self, *policies):
        self.sql.query("DROP CONNECTION IF EXISTS c")
        name = "r" + self.bucket.fresh()
        done = subprocess.run([harness.RGW, "role", "--dir", harness.rgw_folder(), name, *policies], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.sql.query(f"CREATE CONNECTION c TO AWS (ASSUME ROLE ARN = '{done.stdout.strip()}', "
                       f"ENDPOINT = '{self.bucket.endpoint}', REGION = '{self.bucket.region}')")

    def test_a_role_exports(self):
        self.role()
        self.assertEqual(self.sql.query("VALIDATE CONNECTION c").tag, "VALIDATE CONNECTION")
        self.assertIn("that the role can be assumed and the store answers was checked", self.sql.notices[-1]["M"])
        prefix = self.bucket.fresh()
        rows = self.sql.rows(f"VALIDATE CONNECTION c WITH (S3 PATH = '{self.bucket.url(prefix)}')")
        self.assertEqual({row[1] for row in rows if row[0] != "conditional put"}, {"ok"}, rows)
        self.assertEqual(self.sql.query(f"COPY (SELECT 1) TO '{self.bucket.url(prefix)}' "
                                        "WITH (AWS CONNECTION = c, FORMAT = 'csv')").tag, "COPY 1")
        self.assertEqual(len(self.bucket.list(prefix)), 1)

    def test_a_role_that_trusts_somebody_else(self):
        self.role(json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/nobody"]}, "Action": ["sts:AssumeRole"]}]}))
        self.assert_fault("VALIDATE CONNECTION c", "58000", "AccessDenied")
        self.assert_fault(f"COPY (SELECT 1) TO '{self.bucket.url(self.bucket.fresh())}' "
                          "WITH (AWS CONNECTION = c, FORMAT = 'csv')", message="AccessDenied")


class Prefix(harness.ServerTest):
    PREFIX = "eb5cb59b-e2fe-41f3-87ca-d2176a495345"
    arguments = ("--aws-external-id-prefix", PREFIX.upper())

    def test_a_given_one_wins_and_is_told(self):
        self.sql.query(f"CREATE CONNECTION c TO AWS (ASSUME ROLE ARN = '{ROLE}')")
        ids = "SELECT id, external_id FROM mz_internal.mz_aws_connections"
        ((connection, external_id),) = self.sql.rows(ids)
        self.assertEqual(external_id, f"mz_{self.PREFIX}_{connection}")
        # It is kept, so it holds without being given ...
        self.server.arguments = []
        self.server.restart()
        with self.server.wire() as sql:
            self.assertEqual(sql.rows(ids), [[connection, external_id]])
        self.assertNotIn("external ids", self.server.log())
        # ... and another one is told, since roles have to trust it.
        other = self.PREFIX.replace("eb5cb59b", "00000000")
        self.server.arguments = ["--aws-external-id-prefix", other]
        self.server.restart()
        with self.server.wire() as sql:
            self.assertEqual(sql.rows(ids), [[connection, f"mz_{other}_{connection}"]])
        self.assertRegex(self.server.log(), f"external ids .*{other}.*{self.PREFIX}")


class AllowedEndpoints(harness.ServerTest):
    arguments = ("--allowed-endpoints", "127.0.0.1:9,*.example.com")
    CONNECTION = "CREATE CONNECTION {} TO AWS (ASSUME ROLE ARN = '" + ROLE + "', ENDPOINT = '{}')"

    def test_others_are_refused(self):
        self.sql.query(self.CONNECTION.format("a", "http://127.0.0.1:9"))
        self.sql.query(self.CONNECTION.format("b", "https://s3.example.com"))
        for endpoint in ("http://127.0.0.1:10", "https://example.com", "http://169.254.169.254"):
            with self.subTest(endpoint):
                self.assert_fault(self.CONNECTION.format("c", endpoint), "42501", f'ENDPOINT "{endpoint}" is not allowed')
                self.assert_fault(f"ALTER CONNECTION a SET (ENDPOINT = '{endpoint}')", "42501")
        self.sql.query(f"CREATE CONNECTION d TO AWS (ASSUME ROLE ARN = '{ROLE}')")

    def test_connections_of_before_are_refused_in_use(self):
        server = harness.Server()
        self.addCleanup(server.close)
        with server.wire() as sql:
            sql.query(self.CONNECTION.format("a", "http://127.0.0.1:1"))
            for endpoint in ("http://169.254.169.254", "http://metadata.google.internal", "http://0.0.0.0:1"):
                self.assert_fault(self.CONNECTION.format("b", endpoint), "42501", connection=sql)
        server.arguments = list(self.arguments)
        server.restart()
        with server.wire() as sql:
            for statement in ("VALIDATE CONNECTION a", "VALIDATE CONNECTION a WITH (S3 PATH = 's3://lake/p')",
                              "COPY (SELECT 1) TO 's3://lake/p' WITH (AWS CONNECTION = a, FORMAT = 'csv')"):
                with self.subTest(statement):
                    self.assertIn("is not allowed", sql.fault(statement).message)


class SecretsInLogs(harness.ServerTest):
    arguments = ("--log-level", "debug")

    def test_not_even_at_level_debug(self):
        bucket = harness.bucket()
        harness.create_connection(self.sql, bucket)
        self.sql.query(f"COPY (SELECT 1) TO '{bucket.url(bucket.fresh())}' WITH (AWS CONNECTION = aws_conn, FORMAT = 'csv')")
        self.assertNotIn(bucket.secret, self.server.log())


if __name__ == "__main__":
    harness.main()
