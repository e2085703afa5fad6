#!/usr/bin/python3
"""One suite for two stores that know roles: Ceph's radosgw, which is real, and the strict S3 and STS of
tests/s3fake, which holds what radosgw leaves out. Each case runs on both. One that a store cannot show is
skipped there, with the reason of LACKS."""

import functools
import json
import os
import subprocess
import time

import harness
import s3
import s3fake
import wire

CHECKS = ["list", "put", "conditional put", "multipart create", "multipart upload", "multipart abort", "delete"]
# An export of this many rows is some 80 MB: ten parts and more.
BIG = "SELECT i, repeat('x', 70) AS text FROM generate_series(1, 1000000) AS s(i)"
# The same, with an error at its end.
BAD = "SELECT i, repeat('x', 70) AS text, 1 / (1000000 - i) FROM generate_series(1, 1000000) AS s(i)"
ABORT = "s3:AbortMultipartUpload"


def trust(principal, external_id=None):
    statement = {"Effect": "Allow", "Principal": {"AWS": [principal]}, "Action": ["sts:AssumeRole"]}
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


class Fake:
    """The strict S3 and STS of our own."""

    LACKS = {"radosgw": "it is not radosgw"}
    KMS_KEY = "arn:aws:kms:eu-test-1:123456789012:key/k"
    FOUND = {"PATH STYLE": "true", "CHECKSUM": "CRC32C", "SIGNED PAYLOAD": "false", "CONDITIONAL PUT": "true",
             "EQUAL PARTS": "false", "MAX PARTS": "10000"}
    NOBODY = "arn:aws:iam::123456789012:user/nobody"

    def __init__(self):
        self.process = s3fake.FakeS3()
        self.close, self.endpoint, self.region = self.process.close, self.process.endpoint, self.process.region
        self.user = self.process.tell("user", "operator", "AKIAOPERATOR", "operator/secret")
        self.key, self.secret = "AKIAOPERATOR", "operator/secret"
        self.client = s3.S3(self.endpoint, self.process.key, self.process.secret, self.region)

    def url(self, prefix):
        return self.process.url(prefix)

    def role(self, name, policy):
        arn = self.process.tell("role", name, json.dumps(policy))
        assert arn.startswith("arn:"), arn
        return arn

    def limit(self, name, policy):
        self.process.do("limit", name, json.dumps(policy))

    def objects(self, prefix):
        return [key for key in self.process.objects() if key.startswith(prefix)]

    def get(self, key):
        return self.client.get(self.process.name, key)

    def uploads(self, prefix):
        return [key for key in self.process.uploads() if key.startswith(prefix)]


class Radosgw:
    """Ceph's gateway, with its STS."""

    LACKS = {
        "external ids": "its trust policies do not know sts:ExternalId: with such a condition nobody may assume the role",
        "identities": "it has no GetCallerIdentity, and answers 405",
        "regions": "it takes a signature for any region",
        "key rights": "who may use its keys is not said by policies",
        "checksums": "it ignores x-amz-checksum headers, wrong ones too",
        "expiry at will": "its sessions end by the clock alone",
    }
    FOUND = {"PATH STYLE": "true", "CHECKSUM": "NONE", "SIGNED PAYLOAD": "false", "CONDITIONAL PUT": "true",
             "EQUAL PARTS": "false", "MAX PARTS": "10000"}
    NOBODY = "arn:aws:iam:::user/nobody"
    KMS_KEY = "testkey-1"
    EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}]}

    def __init__(self):
        self.bucket = harness.bucket()
        self.endpoint, self.region, self.url = self.bucket.endpoint, self.bucket.region, self.bucket.url
        self.key, self.secret, self.user = self.bucket.key, self.bucket.secret, "arn:aws:iam:::user/tests"
        self.trusts = {}

    def close(self):
        pass

    def tell(self, name, policy):
        done = subprocess.run([harness.RGW, "role", "--dir", harness.rgw_folder(), name, json.dumps(self.trusts[name]),
                               json.dumps(policy)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def role(self, name, policy):
        self.trusts[name] = policy
        return self.tell(name, self.EVERYTHING)

    def limit(self, name, policy):
        self.tell(name, policy)

    def objects(self, prefix):
        return list(self.bucket.list(prefix))

    def get(self, key):
        return self.bucket.client.get(self.bucket.name, key)

    def uploads(self, prefix):
        return self.bucket.client.uploads(self.bucket.name, prefix)


def needs(ability):
    def wrap(case):
        @functools.wraps(case)
        def run(self):
            if ability in self.store.LACKS:
                self.skipTest(f"{type(self.store).__name__}: {self.store.LACKS[ability]}")
            case(self)
        return run
    return wrap


class Suite:
    """The cases; a class below for each store."""

    @classmethod
    def setUpClass(cls):
        cls.store = cls.STORE()
        cls.addClassCleanup(cls.store.close)
        clean = {name: "" for name in os.environ if name.startswith("AWS_")}
        cls.environment = {**clean, "AWS_ACCESS_KEY_ID": cls.store.key, "AWS_SECRET_ACCESS_KEY": cls.store.secret,
                           "AWS_REGION": cls.store.region, "AWS_EC2_METADATA_DISABLED": "true"}
        cls.server = harness.Server(environment=cls.environment)
        cls.addClassCleanup(cls.server.close)
        cls.cases = 0

    def setUp(self):
        super().setUp()
        type(self).cases += 1
        self.name = f"suite-{type(self).__name__.lower()}-{os.getpid()}-{self.cases}"
        self.prefix = self.name + "/exp"
        self.connect(self.sql)

    def connect(self, sql):
        """Steps 3 to 5 of the guide: a role with the policy that the server writes, which trusts it."""
        sql.query("DROP CONNECTION IF EXISTS c")
        arn = self.store.role(self.name, trust(self.store.user))
        sql.query(f"CREATE CONNECTION c TO AWS (ASSUME ROLE ARN = '{arn}', ENDPOINT = '{self.store.endpoint}', "
                  f"REGION = '{self.store.region}')")
        if "external ids" not in self.store.LACKS:
            self.store.role(self.name, json.loads(sql.rows("SHOW TRUST POLICY FOR CONNECTION c")[0][0]))
        self.policy = json.loads(sql.rows(f"SHOW IAM POLICY FOR CONNECTION c TO '{self.store.url(self.prefix)}'")[0][0])
        self.store.limit(self.name, self.policy)

    def without(self, action, policy=None):
        less = json.loads(json.dumps(policy or self.policy))
        for statement in less["Statement"]:
            statement["Action"] = [one for one in statement["Action"] if one != action]
        less["Statement"] = [statement for statement in less["Statement"] if statement["Action"]]
        return less

    def with_abort(self):
        more = json.loads(json.dumps(self.policy))
        more["Statement"][0]["Action"].append(ABORT)
        return more

    def copy(self, query="SELECT 1", path="run", options=""):
        return (f"COPY ({query}) TO '{self.store.url(self.prefix)}/{path}' "
                f"WITH (AWS CONNECTION = c, FORMAT = 'csv'{options})")

    def files(self, path="run"):
        return self.store.objects(f"{self.prefix}/{path}/")

    def rights(self, sql=None):
        rows = (sql or self.sql).rows(f"VALIDATE CONNECTION c WITH (S3 PATH = '{self.store.url(self.prefix)}')")
        self.assertEqual([row[0] for row in rows], CHECKS)
        return {check: (outcome, detail) for check, outcome, detail in rows}

    def dialect(self):
        return {name: (value, origin) for name, value, origin in self.sql.rows(
            "SELECT property, value, origin FROM sluice_internal.store_dialects d JOIN mz_connections c "
            "ON d.connection_id = c.id WHERE c.name = 'c'")}

    # ---- the guide ----
    def test_the_guides_policy_is_enough(self):
        rights = self.rights()
        self.assertEqual({check: outcome for check, (outcome, _) in rights.items() if check != "multipart abort"},
                         {check: "ok" for check in CHECKS if check != "multipart abort"})
        # Which the guide recommends, and does not demand.
        self.assertEqual(rights["multipart abort"][0], "failed")
        self.assertIn(ABORT, rights["multipart abort"][1])
        self.assertEqual(self.store.objects(self.prefix), [])
        self.assertEqual(self.sql.query(self.copy()).tag, "COPY 1")
        self.assertEqual(len(self.files()), 1)
        self.assertEqual(self.store.get(self.files()[0]), b"1\n")

    def test_an_export_is_cancelled_and_runs_again(self):
        self.sql.send("Q", self.copy(BIG).encode() + b"\0")
        wire.wait_until(self.files, "the sentinel")
        wire.cancel(self.server.host, self.server.port, self.sql.key)
        with self.assertRaises(wire.Fault) as caught:
            self.sql.until_ready()
        self.assertEqual(caught.exception.sqlstate, "57014")
        wire.wait_until(lambda: not self.files(), "no objects")
        self.assertEqual(self.sql.query(self.copy(BIG)).tag, "COPY 1000000")
        self.assertEqual(sum(self.store.get(key).count(b"\n") for key in self.files()), 1000000)

    def test_each_missing_action_is_named_before_a_row_is_written(self):
        for action in ("s3:PutObject", "s3:DeleteObject", "s3:ListBucket"):
            with self.subTest(action):
                self.store.limit(self.name, self.without(action))
                fault = self.sql.fault(self.copy(BIG, path=action[3:]))
                self.assertIn(action, fault.fields["H"])
                self.assertIn("AccessDenied", fault.fields["M"] + fault.fields.get("D", ""))
                # At most the sentinel, which could not be removed again.
                self.assertLessEqual({key.rsplit("-", 1)[-1] for key in self.files(action[3:])}, {"INCOMPLETE"})
                self.assertEqual(self.store.uploads(f"{self.prefix}/{action[3:]}/"), [])
                self.assertEqual(self.sql.rows("SELECT rows, files FROM sluice_internal.export_runs "
                                               "ORDER BY started DESC LIMIT 1"), [["0", "0"]])
        self.store.limit(self.name, self.policy)
        self.assertEqual(self.sql.query(self.copy(path="again")).tag, "COPY 1")

    def test_an_upload_that_may_not_be_aborted_is_named_with_its_cure(self):
        fault = self.sql.fault(self.copy(BAD, options=", MAX FILE SIZE = '16MB'"))
        detail = fault.fields["D"]
        key = self.store.uploads(self.prefix)[0]
        self.assertRegex(detail, rf"Could not be removed yet: .*{key} \(upload [^)]+\)")
        self.assertIn("AbortIncompleteMultipartUpload", detail)
        self.assertIn("lifecycle rule", detail)
        self.assertEqual(self.files(), [])
        history = lambda: self.sql.rows("SELECT state, cleanup FROM sluice_internal.export_runs ORDER BY started DESC LIMIT 1")[0]
        wire.wait_until(lambda: "AccessDenied" in (history()[1] or ""), "the reason", 10)
        self.assertEqual(history()[0], "failed")
        self.assertIn(key, history()[1])
        # With the right it goes.
        self.store.limit(self.name, self.with_abort())
        wire.wait_until(lambda: not self.store.uploads(self.prefix), "no uploads", 30)
        wire.wait_until(lambda: history()[1] is None, "the end of cleaning", 30)

    def test_a_role_that_trusts_somebody_else_is_refused(self):
        self.store.role(self.name, trust(self.store.NOBODY))
        self.assert_fault("VALIDATE CONNECTION c", "58000", "AccessDenied")
        fault = self.assert_fault(self.copy(), message="AccessDenied")
        self.assertIn("AssumeRole", fault.message)
        self.assertEqual(self.files(), [])

    def test_rights_that_are_withdrawn_end_exports(self):
        self.assertEqual(self.sql.query(self.copy(path="first")).tag, "COPY 1")
        self.store.limit(self.name, {"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Action": ["s3:*"], "Resource": ["*"]}]})
        self.assert_fault(self.copy(path="second"), message="AccessDenied")

    # ---- who somebody is ----
    @needs("identities")
    def test_validation_asks_who_we_are(self):
        self.assertEqual(self.sql.query("VALIDATE CONNECTION c").tag, "VALIDATE CONNECTION")
        self.assertEqual([notice["M"] for notice in self.sql.notices if notice["S"] == "WARNING"], [])

    @needs("radosgw")
    def test_validation_tells_what_it_could_check_instead(self):
        self.assertEqual(self.sql.query("VALIDATE CONNECTION c").tag, "VALIDATE CONNECTION")
        self.assertIn("that the role can be assumed and the store answers was checked", self.sql.notices[-1]["M"])

    @needs("external ids")
    def test_a_role_that_anybody_may_assume_is_refused(self):
        self.store.role(self.name, trust(self.store.user))
        self.assert_fault("VALIDATE CONNECTION c", "58000", "role trust policy does not require an external ID")

    @needs("external ids")
    def test_another_connections_external_id_is_refused(self):
        self.store.role(self.name, trust(self.store.user, "mz_00000000-0000-4000-8000-000000000000_u1"))
        self.assert_fault("VALIDATE CONNECTION c", "58000", "AccessDenied")

    # ---- sessions ----
    def test_short_sessions_are_renewed_in_the_middle_of_an_upload(self):
        server = harness.Server("--aws-session-seconds", "5", environment=self.environment)
        self.addCleanup(server.close)
        with server.wire() as sql:
            self.connect(sql)
            self.store.limit(self.name, self.with_abort())
            begin = time.monotonic()
            done = 0
            # Until the whole took several sessions, whatever the machine is like.
            while time.monotonic() - begin < 12:
                done += 1
                self.assertEqual(sql.query(self.copy(BIG, path=f"run{done}")).tag, "COPY 1000000")
                files = self.files(f"run{done}")
                self.assertEqual(sum(self.store.get(key).count(b"\n") for key in files), 1000000)
            self.assertEqual(self.store.uploads(self.prefix), [])

    @needs("expiry at will")
    def test_sessions_that_end_under_a_part_are_renewed(self):
        for part in (2, 6):
            self.store.process.do("when", f"partNumber={part}&", "expire")
        self.assertEqual(self.sql.query(self.copy(BIG)).tag, "COPY 1000000")
        self.assertEqual(sum(self.store.get(key).count(b"\n") for key in self.files()), 1000000)

    @needs("expiry at will")
    def test_sessions_that_are_not_given_again_fail_the_export(self):
        self.store.process.do("when", "partNumber=4&", "revoke")
        fault = self.sql.fault(self.copy(BIG))
        self.store.process.do("grant")
        self.assertEqual(fault.sqlstate, "58000")
        self.assertIn("AssumeRole", fault.message)
        self.assertIn("403 AccessDenied: sessions are not given any more", fault.message)

    # ---- dialects ----
    def test_the_stores_dialect_is_found_and_kept(self):
        self.store.limit(self.name, self.with_abort())
        before = self.dialect()
        self.assertEqual({origin for _, origin in before.values()}, {"default"})
        self.rights()
        found = {name: (value, "probed") for name, value in self.store.FOUND.items()}
        self.assertEqual(self.dialect(), found)
        self.assertEqual(self.store.objects(self.prefix) + self.store.uploads(self.prefix), [])
        self.sql.query("ALTER CONNECTION c SET (CHECKSUM = 'SHA256', MAX PARTS = 100)")
        given = {**found, "CHECKSUM": ("SHA256", "given"), "MAX PARTS": ("100", "given")}
        self.assertEqual(self.dialect(), given)
        self.rights()
        self.assertEqual(self.dialect(), given)
        self.assertIn("CHECKSUM = 'SHA256', ", self.sql.rows("SHOW CREATE CONNECTION c")[0][1])
        self.server.restart()
        self.sql = self.server.wire()
        self.addCleanup(self.sql.close)
        self.assertEqual(self.dialect(), given)
        self.assertEqual(self.sql.query(self.copy()).tag, "COPY 1")
        self.sql.query("ALTER CONNECTION c RESET (CHECKSUM, MAX PARTS)")
        self.assertEqual(self.dialect(), found)
        self.sql.query("ALTER CONNECTION c SET (ENDPOINT = 'http://127.0.0.1:1')")
        self.assertEqual({origin for _, origin in self.dialect().values()}, {"default"})

    def test_every_way_of_sending_writes_the_same_bytes(self):
        self.store.limit(self.name, self.with_abort())
        contents = set()
        for options in ("CHECKSUM = 'NONE'", "CHECKSUM = 'CRC32'", "CHECKSUM = 'CRC32C'", "CHECKSUM = 'CRC64NVME'",
                        "CHECKSUM = 'SHA256'", "CHECKSUM = 'SHA256', SIGNED PAYLOAD = true",
                        "CHECKSUM = 'NONE', SIGNED PAYLOAD = false, EQUAL PARTS = true"):
            with self.subTest(options):
                self.sql.query(f"ALTER CONNECTION c SET ({options})")
                path = options.replace("'", "").replace(" ", "").replace(",", "-").replace("=", "")
                query = "SELECT i, repeat('x', 70) FROM generate_series(1, 200000) AS s(i)"
                self.assertEqual(self.sql.query(self.copy(query, path)).tag, "COPY 200000")
                contents.add(b"".join(self.store.get(key) for key in sorted(self.files(path))))
        self.assertEqual(len(contents), 1)

    @needs("checksums")
    def test_checksums_are_on_record_at_the_store(self):
        for algorithm in ("CRC32", "CRC32C", "CRC64NVME", "SHA256"):
            self.sql.query(f"ALTER CONNECTION c SET (CHECKSUM = '{algorithm}')")
            self.sql.query(self.copy(path=algorithm))
            self.assertTrue(self.store.process.tell("checksum", self.files(algorithm)[0]).startswith(algorithm + "="))

    # ---- keys of KMS ----
    def test_objects_are_encrypted_with_the_key(self):
        self.sql.query(f"ALTER CONNECTION c SET (SSE = 'aws:kms', KMS KEY ID = '{self.store.KMS_KEY}')")
        self.store.limit(self.name, json.loads(self.sql.rows(
            f"SHOW IAM POLICY FOR CONNECTION c TO '{self.store.url(self.prefix)}'")[0][0]))
        self.assertEqual(self.sql.query(self.copy()).tag, "COPY 1")
        self.assertEqual(self.rights()["put"], ("ok", ""))

    @needs("key rights")
    def test_the_right_to_the_key_is_named_before_a_row_is_written(self):
        self.sql.query(f"ALTER CONNECTION c SET (SSE = 'aws:kms', KMS KEY ID = '{self.store.KMS_KEY}')")
        fault = self.assert_fault(self.copy(BIG), message="kms:GenerateDataKey")
        self.assertIn("AccessDenied", fault.message)
        self.assertEqual(self.files(), [])
        self.assertEqual(self.sql.rows("SELECT rows FROM sluice_internal.export_runs ORDER BY started DESC LIMIT 1"), [["0"]])
        self.assertTrue(self.rights()["put"][1].startswith("kms:GenerateDataKey on the key"))

    # ---- regions ----
    @needs("regions")
    def test_a_wrong_region_is_explained(self):
        self.sql.query("ALTER CONNECTION c SET (REGION = 'us-west-2')")
        self.store.role(self.name, trust(self.store.user))
        # Here STS is in the same place, and says so first.
        self.assert_fault(self.copy())
        self.sql.query("CREATE SECRET IF NOT EXISTS k AS 'x'")
        self.sql.query(f"ALTER SECRET k AS '{self.store.secret}'")
        self.sql.query(f"ALTER CONNECTION c SET (ACCESS KEY ID = '{self.store.key}', SECRET ACCESS KEY = SECRET k), "
                       "RESET (ASSUME ROLE ARN)")
        fault = self.assert_fault(self.copy(), message="AuthorizationHeaderMalformed")
        self.assertIn(f'The bucket is in region "{self.store.region}".', fault.fields["H"])
        self.assertIn(f'The bucket is in region "{self.store.region}".', self.rights()["list"][1])


class OnTheStrictOne(Suite, harness.ServerTest):
    STORE = Fake


class OnRadosgw(Suite, harness.ServerTest):
    STORE = Radosgw


if __name__ == "__main__":
    harness.main()
