#!/usr/bin/python3
"""docs/tutorial.md: each of its statements is run, in order, and prints what the document shows.

The user whom the document's policy is given has no other rights. What the document does with the `aws`
command, the test does with its own client; the warehouses' statements can't be run here, so only their
columns are compared."""

import json
import re
import subprocess
import uuid

import document
import harness
import s3

BLOCKS = document.blocks("tutorial.md")
COLUMNS = ["id", "customer", "country", "amount", "placed"]
WAREHOUSES = {"snowflake", "bigquery", "redshift", "databricks"}


def pairs():
    """(block, the output that follows it or None)."""
    for i, block in enumerate(BLOCKS):
        follower = BLOCKS[i + 1] if i + 1 < len(BLOCKS) else None
        if block.kind != "text":
            yield block, follower.text if follower and follower.kind == "text" else None


class Exporter:
    """Another user of the S3 server, with the rights of the document's policy in one bucket."""

    def __init__(self, bucket, name):
        self.bucket, self.name = bucket, name
        done = subprocess.run([harness.RGW, "user", "--dir", harness.rgw_folder(), name], capture_output=True, text=True, check=True)
        self.key, self.secret = done.stdout.split()
        # Objects belong to who wrote them: only it, and not the bucket's owner, may read them.
        self.reader = harness.Bucket(bucket.settings, bucket.name)
        self.reader.client = s3.S3(bucket.endpoint, self.key, self.secret, bucket.region)
        self.reader.list = bucket.list

    def grant(self, policy):
        for statement in policy["Statement"]:
            statement["Principal"] = {"AWS": [f"arn:aws:iam:::user/{self.name}"]}
        self.bucket.client.request("PUT", "/" + self.bucket.name, {"policy": ""}, json.dumps(policy).encode())


class DocumentTest(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tail = uuid.uuid4().hex[:8]
        cls.bucket = harness.bucket("tutorial-" + tail)
        cls.exporter = Exporter(cls.bucket, "exporter-" + tail)
        cls.values = {"bucket": cls.bucket.name, "prefix": "exports", "region": cls.bucket.region,
                      "endpoint": cls.bucket.endpoint, "access-key-id": cls.exporter.key,
                      "secret-access-key": cls.exporter.secret, "id": "<id>"}

    def setUp(self):
        super().setUp()
        self.bucket.client.clear(self.bucket.name)

    def policy(self):
        (block,) = [block for block in BLOCKS if block.kind == "json"]
        return json.loads(document.filled(block.text, self.values))


class Tutorial(DocumentTest):
    def assert_prints(self, block, expected, actual):
        pattern = re.escape(document.filled(expected, self.values)).replace("<id>", r"\d+")
        self.assertRegex(actual, re.compile(rf"\A{pattern}\Z"), f"docs/tutorial.md:{block.line}")

    def test_every_statement_prints_what_the_document_shows(self):
        self.exporter.grant(self.policy())
        ran = {"sql": 0, "sql duckdb": 0, "sh": 0}
        for block, output in pairs():
            with self.subTest(f"line {block.line}"):
                if block.kind == "sql":
                    self.assertIsNotNone(output, f"docs/tutorial.md:{block.line} has no output")
                    # -a would print the statements too; the errors go where a terminal shows them.
                    done = self.server.psql("-v", "ON_ERROR_STOP=0", "-v", "VERBOSITY=terse",
                                            sql=document.filled(block.text, self.values), check=False)
                    self.assert_prints(block, output, self.merged(done, output))
                elif block.kind == "sql duckdb":
                    self.duckdb(block, output)
                elif block.kind == "sh":
                    if not self.shell(block, output):
                        continue
                else:
                    continue
                ran[block.kind] += 1
        self.assertTrue(ran["sql"] >= 14 and ran["sql duckdb"] == 2 and ran["sh"] == 3, ran)

    def merged(self, done, output):
        """What psql said on both streams, the errors where the document has them."""
        errors = iter(done.stderr.splitlines(keepends=True))
        lines = iter(done.stdout.splitlines(keepends=True))
        merged = [next(errors if line.startswith("ERROR") else lines, "") for line in output.splitlines()]
        return "".join(merged) + "".join(lines) + "".join(errors)

    def duckdb(self, block, output):
        sql = document.filled(block.text, self.values).rstrip().rstrip(";")
        (url,) = re.findall(r"'(s3://[^']*)/\*\.\w+'", sql)
        folder = self.exporter.reader.download(url.removeprefix(f"s3://{self.bucket.name}/") + "/")
        form = next(folder.iterdir()).suffix[1:]
        rows = json.loads(harness.node("readers/read.mjs", "duckdb", folder, form, sql.replace(url, str(folder))))
        shown = [[cell.strip() for cell in line.strip("│\n").split("│")] for line in output.splitlines() if "│" in line]
        self.assertEqual([["NULL" if value is None else value for value in row] for row in rows], shown[2:],
                         f"docs/tutorial.md:{block.line}")
        names = re.findall(r"AS (\w+)(?=,|\nFROM)", sql)
        self.assertEqual(shown[0][-len(names):], names)

    def shell(self, block, output):
        """The document's looks at the bucket; whether it was one."""
        text = document.filled(block.text, {**self.values, "reader-key-id": "", "reader-secret": ""})
        if (match := re.fullmatch(r"aws s3 ls --recursive s3://([^/]+)/(\S+)\n", text)):
            found = self.bucket.client.list(match[1], match[2])
            listed = "".join(f"{key}\n" for key in sorted(found))
            shown = "".join(line.split()[-1] + "\n" for line in output.splitlines())
            self.assert_prints(block, shown, listed)
            return True
        if (match := re.fullmatch(r"aws s3 cp s3://([^/]+)/(\S+) -\n", text)):
            (key,) = [key for key in self.bucket.list() if re.fullmatch(match[2].replace("<id>", r"\d+"), key)]
            self.assert_prints(block, output, self.exporter.reader.client.get(self.bucket.name, key).decode())
            return True
        self.assertIsNone(output, f"docs/tutorial.md:{block.line}: output that nothing checks")
        return False

    def test_the_warehouses_tables_have_the_columns_of_the_export(self):
        found = {}
        for block in BLOCKS:
            kind = block.kind.removeprefix("sql ")
            if kind in WAREHOUSES:
                ((name, columns),) = re.findall(r"CREATE TABLE (?:shop\.)?(\w+) \((.*)\);", block.text)
                found[kind] = (name, [column.split()[0] for column in re.split(r",\s+", columns)])
                self.assertRegex(block.text, r"<prefix>/")
        self.assertEqual(found, {kind: ("orders", COLUMNS) for kind in WAREHOUSES})
        self.assertEqual({block.kind for block in BLOCKS} - {"sql " + kind for kind in WAREHOUSES},
                         {"sh", "json", "sql", "text", "sql duckdb", "sql duckdb-setup"})


class Rights(DocumentTest):
    def test_the_policy_is_enough_and_has_nothing_that_is_not_needed(self):
        # Aborting is not asked for by an export that succeeds.
        for name in ("s3:PutObject", "s3:DeleteObject", "s3:ListBucket"):
            with self.subTest(name):
                policy = self.policy()
                for statement in policy["Statement"]:
                    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                    statement["Action"] = [action for action in actions if action != name] or ["s3:GetBucketLocation"]
                    if statement["Action"] == ["s3:GetBucketLocation"]:
                        statement.pop("Condition", None)
                self.exporter.grant(policy)
                self.connect("less_" + name.split(":")[1].lower())
                fault = self.sql.fault(self.copy("less_" + name.split(":")[1].lower(), "exports/less"))
                self.assertIn("AccessDenied", fault.message + fault.fields.get("D", ""))
        self.exporter.grant(self.policy())
        self.connect("whole")
        self.assertEqual(self.sql.query(self.copy("whole", "exports/whole")).tag, "COPY 1")
        for path in ("elsewhere", "exports2"):
            self.assertIn("AccessDenied", self.sql.fault(self.copy("whole", path)).message)

    def connect(self, name):
        self.sql.query(f"CREATE SECRET {name}_key AS '{self.exporter.secret}'")
        self.sql.query(f"CREATE CONNECTION {name} TO AWS (ACCESS KEY ID = '{self.exporter.key}', SECRET ACCESS KEY = SECRET "
                       f"{name}_key, ENDPOINT = '{self.bucket.endpoint}', REGION = '{self.bucket.region}')")

    def copy(self, connection, path):
        return f"COPY (SELECT 1) TO '{self.bucket.url(path)}' WITH (AWS CONNECTION = {connection}, FORMAT = 'csv')"

    def test_a_failed_export_drops_its_uploads_with_these_rights(self):
        self.exporter.grant(self.policy())
        self.connect("aborting")
        self.sql.query("SET statement_timeout = '2s'")
        fault = self.sql.fault("COPY (SELECT a.i + b.i AS x FROM generate_series(1, 1000000) AS a(i), generate_series(1, 1000000) AS b(i)) "
                               f"TO '{self.bucket.url('exports/endless')}' WITH (AWS CONNECTION = aborting, FORMAT = 'csv')")
        self.assertEqual(fault.sqlstate, "57014")
        self.assertNotIn("Could not be removed", fault.fields.get("D", ""))
        self.assertEqual(self.bucket.list(), {})
        self.assertEqual(self.bucket.client.uploads(self.bucket.name), [])


if __name__ == "__main__":
    harness.main()
