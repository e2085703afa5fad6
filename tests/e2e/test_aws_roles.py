#!/usr/bin/python3
"""Exports over roles: where the server's own credentials come from, sessions that end in the middle of
an upload, sessions that are not given any more, and that no secret of all this is ever seen."""

import concurrent.futures
import json
import os
import pathlib
import tempfile
import time

import harness
import s3
import s3fake
import wire

SECRET = "operator/canary+Secret"
# An export of this many rows is some 80 MB: ten parts and more.
BIG = "SELECT i, repeat('x', 70) AS text FROM generate_series(1, 1000000) AS s(i)"
WAIT_SECONDS = 60


def trust(*principals, external_id=None):
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}
    if external_id:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class RoleTest(harness.ServerTest):
    """A server whose credentials are those of the user `operator`, who may be the role `server`."""

    @classmethod
    def environment(cls):
        return {"AWS_ACCESS_KEY_ID": "AKIAOPERATOR", "AWS_SECRET_ACCESS_KEY": SECRET}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.store = s3fake.FakeS3()
        cls.addClassCleanup(cls.store.close)
        cls.user = cls.store.tell("user", "operator", "AKIAOPERATOR", SECRET)
        server_role = cls.store.tell("role", "server", trust(cls.user))
        clean = {name: "" for name in os.environ if name.startswith("AWS_")}
        cls.server = harness.Server("--aws-connection-role-arn", server_role, "--log-level", "debug", environment={
            **clean, "HOME": cls.folder.name, "AWS_EC2_METADATA_DISABLED": "true", **cls.environment()})
        cls.addClassCleanup(cls.server.close)
        cls.server_role = server_role
        cls.prefixes = 0

    def setUp(self):
        super().setUp()
        self.store.do("reset")
        self.sql.query("DROP CONNECTION IF EXISTS c")
        arn = self.store.tell("role", "exporter", trust(self.server_role))
        self.sql.query(f"CREATE CONNECTION c TO AWS (ASSUME ROLE ARN = '{arn}', ENDPOINT = '{self.store.endpoint}', "
                       f"REGION = '{self.store.region}')")
        policy = self.sql.rows("SHOW TRUST POLICY FOR CONNECTION c")[0][0]
        self.assertEqual(self.store.tell("role", "exporter", json.dumps(json.loads(policy))), arn)

    def copy(self, query="SELECT 1", prefix=None):
        if prefix is None:
            type(self).prefixes += 1
            prefix = f"p{self.prefixes}"
        return f"COPY ({query}) TO '{self.store.url(prefix)}' WITH (AWS CONNECTION = c, FORMAT = 'csv')"

    def granted(self):
        return self.store.tell("assumed").count(";")

    def content(self):
        client = s3.S3(self.store.endpoint, self.store.key, self.store.secret, self.store.region)
        return b"".join(client.get(self.store.name, key) for key in self.store.objects())

    def wait_until(self, condition):
        end = time.monotonic() + WAIT_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)


class Sessions(RoleTest):
    def test_all_exports_of_a_connection_share_one(self):
        before = self.granted()
        clients = [self.server.wire() for _ in range(4)]
        for client in clients:
            self.addCleanup(client.close)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            tags = list(pool.map(lambda client: client.query(self.copy()).tag, clients))
        self.assertEqual(tags, ["COPY 1"] * 4)
        self.assertEqual(self.granted() - before, 2)  # the server's role, and the connection's

    def test_what_ends_under_an_upload_is_renewed(self):
        before = self.granted()
        for part in (2, 6):
            self.store.do("when", f"partNumber={part}&", "expire")
        self.assertEqual(self.sql.query(self.copy(BIG)).tag, "COPY 1000000")
        self.assertGreaterEqual(self.granted() - before, 4)
        content = self.content()
        lines = content.splitlines()
        self.assertEqual(len(lines), 1000000)
        self.assertEqual({line.split(b",", 1)[1] for line in lines}, {b"x" * 70})
        self.assertEqual(sum(int(line.split(b",", 1)[0]) for line in lines), 1000000 * 1000001 // 2)
        self.assertEqual(self.store.uploads(), [])

    def test_what_ends_between_two_exports_is_renewed(self):
        self.sql.query(self.copy())
        self.store.do("expire")
        self.assertEqual(self.sql.query(self.copy()).tag, "COPY 1")

    def test_what_ends_and_is_not_given_again_fails_the_export(self):
        self.store.do("when", "partNumber=4&", "revoke")
        fault = self.sql.fault(self.copy(BIG))
        self.assertEqual(fault.fields["C"], "58000")
        self.assertRegex(fault.fields["M"], r"AssumeRole arn:aws:iam::123456789012:role/\w+: 403 AccessDenied: "
                                            r"sessions are not given any more \(request sts-")
        self.assertEqual([key for key in self.store.objects() if not key.endswith("INCOMPLETE")], [])
        # Nobody could remove the rest then. It goes once there are sessions again.
        self.store.do("grant")
        self.wait_until(self.store.is_empty)
        self.assertEqual(self.sql.query(self.copy()).tag, "COPY 1")

    def test_a_role_that_is_altered_is_used_at_once(self):
        self.sql.query(self.copy())
        self.sql.query("ALTER CONNECTION c SET (ASSUME ROLE ARN = 'arn:aws:iam::123456789012:role/nosuch')")
        self.assert_fault(self.copy(), "58000", "AssumeRole arn:aws:iam::123456789012:role/nosuch: 403 AccessDenied")

    def test_secrets_are_seen_nowhere(self):
        self.store.do("when", "partNumber=2&", "revoke")
        said = [str(self.sql.fault(self.copy(BIG)).fields)]
        self.store.do("grant")
        self.sql.query(self.copy())
        for table in ("mz_internal.mz_aws_connections", "sluice_internal.export_runs"):
            said += [str(row) for row in self.sql.rows(f"SELECT * FROM {table}")]
        said += [self.server.log(), self.server.http("GET", "/metrics")[1]]
        for canary in (SECRET, "session/secret+", "session/token=="):
            for text in said:
                self.assertNotIn(canary, text)


    def test_a_cancel_does_not_wait_for_sts(self):
        self.store.do("hold", "8", "STS")
        self.sql.send("Q", self.copy().encode() + b"\0")
        time.sleep(0.5)  # whenever: here it waits for a session
        begin = time.monotonic()
        wire.cancel(self.server.host, self.server.port, self.sql.key)
        with self.assertRaises(wire.Fault) as caught:
            self.sql.until_ready()
        self.assertEqual(caught.exception.sqlstate, "57014")
        self.assertLess(time.monotonic() - begin, 4)
        self.store.do("hold", "0", "STS")
        self.assertEqual(self.sql.query(self.copy()).tag, "COPY 1")

    def test_neither_does_the_servers_end(self):
        self.store.do("hold", "8", "STS")
        client = self.server.wire()
        client.send("Q", self.copy().encode() + b"\0")
        time.sleep(0.5)
        begin = time.monotonic()
        self.server.terminate()
        self.assertLess(time.monotonic() - begin, 6)
        client.close()
        self.store.do("hold", "0", "STS")
        self.server.restart()


class FromAProfile(RoleTest):
    """The server's own credentials are printed by a program."""

    @classmethod
    def environment(cls):
        program = {"Version": 1, "AccessKeyId": "AKIAOPERATOR", "SecretAccessKey": SECRET}
        folder = pathlib.Path(cls.folder.name)
        (folder / "credentials.json").write_text(json.dumps(program))
        (folder / ".aws").mkdir()
        (folder / ".aws" / "config").write_text(f"[default]\ncredential_process = cat {folder}/credentials.json\n")
        return {}

    def test_exports(self):
        self.assertEqual(self.sql.query(self.copy()).tag, "COPY 1")
        self.assertNotIn(SECRET, self.server.log())


class FromNowhere(RoleTest):
    """The server has no credentials, and its metadata service does not answer."""

    @classmethod
    def environment(cls):
        return {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}

    def test_what_was_tried_is_told_soon(self):
        begin = time.monotonic()
        fault = self.sql.fault(self.copy())
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual(fault.fields["C"], "58000")
        self.assertIn("this server has no AWS credentials of its own", fault.fields["M"])
        for source in ("environment: ", "profile: ", "web identity token: ", "container: ", "EC2 instance: "):
            self.assertIn(source, fault.fields["D"])


if __name__ == "__main__":
    harness.main()
