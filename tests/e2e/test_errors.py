#!/usr/bin/python3
"""docs/errors.md: each of its errors is provoked through psycopg2, and is what the document says.

An entry without a provocation fails, and so does a provocation without an entry."""

import os
import re
import shutil
import signal
import tempfile
import threading
import types
import unittest

import psycopg2

import fake_s3
import harness
import s3fake
import wire
from fake_s3 import DROP, Refusal

ENTRY = re.compile(r"^### (`.+`.*)\n(SQLSTATE .*)\n\n((?:.+\n|\n(?!#))+)", re.MULTILINE)
ABOUT = re.compile(r"SQLSTATE `(?P<sqlstate>\w{5})`(?: · detail `(?P<detail>[^`]+)`)?(?: · hint `(?P<hint>[^`]+)`)?")


class Entry:
    def __init__(self, heading, about, text):
        self.heading, self.text = heading, text
        self.message = re.match(r"`([^`]+)`", heading)[1]
        match = ABOUT.fullmatch(about)
        assert match, f"{heading}: {about}"
        self.fields = match.groupdict()


def entries():
    text = (harness.ROOT / "docs" / "errors.md").read_text()
    found = {}
    for match in ENTRY.finditer(text):
        entry = Entry(*match.groups())
        assert entry.heading not in found, f"twice: {entry.heading}"
        found[entry.heading] = entry
    assert len(found) == text.count("\n### "), "an entry is not in the form of the others"
    return found


def pattern(template):
    """A text of the document: `{…}` may be nothing, as may a `{number}` that was not there."""
    parts = re.split(r"(\{[^}]+\})", template)
    return re.compile("".join(".*" if part.startswith("{") else re.escape(part) for part in parts), re.DOTALL)


def connect(server):
    db = psycopg2.connect(host=server.host, port=server.port, user="materialize", dbname="materialize")
    db.autocommit = True
    return db


class Stage:
    """What provocations use: the server, its bucket, a table and some connections."""

    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="sluice-errors-")
        self.server = harness.Server("--local-export-dir", self.folder, *arguments)
        self.bucket = harness.bucket()
        self.fakes = []
        with self.server.wire() as sql:
            harness.create_connection(sql, self.bucket)
            sql.query("CREATE TABLE t (a int, b text)")
            sql.query("INSERT INTO t VALUES (0, 'x'), (1, 'y')")

    def close(self):
        for fake in self.fakes:
            fake.close()
        self.server.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self):
        return connect(self.server)

    def error(self, *statements):
        """The error of the last statement; the others have to succeed."""
        db = self.connect()
        try:
            with db.cursor() as cursor:
                for statement in statements[:-1]:
                    cursor.execute(statement)
                try:
                    cursor.execute(statements[-1])
                except psycopg2.Error as error:
                    return error
            raise AssertionError(f"no error: {statements[-1]}")
        finally:
            db.close()

    def copy(self, source="t", target=None, options="FORMAT = 'csv'", connection="aws_conn"):
        target = target or f"'{self.bucket.url(self.bucket.fresh())}'"
        connection = f"AWS CONNECTION = {connection}" if connection else ""
        return f"COPY {source} TO {target} WITH ({', '.join(filter(None, [connection, options]))})"

    def to(self, options, source="t"):
        """Over a connection of its own with these options."""
        name = self.bucket.fresh()
        keys = "" if "ACCESS KEY ID" in options else f"ACCESS KEY ID = '{self.bucket.key}', "
        secret = "" if "SECRET ACCESS KEY" in options else "SECRET ACCESS KEY = SECRET aws_conn_secret, "
        return self.error(f"CREATE CONNECTION {name} TO AWS ({keys}{secret}{options})", self.copy(source, connection=name))

    def fake(self, fault, source="t"):
        """To a store of its own that fails as it is told."""
        store = fake_s3.FakeS3(fault)
        self.fakes.append(store)
        return self.to(f"ENDPOINT = '{store.url}', REGION = 'us-east-1'", source)

    def refused(self, status, code, operation="ListObjectsV2", region=None):
        return self.fake(lambda name, key: Refusal(status, code, region) if name == operation else None)


# ---- the provocations, by the document's headings --------------------------------------------------
PROVOCATIONS = {}
ENDLESS = "(SELECT a.i FROM generate_series(1, 1000000) AS a(i), generate_series(1, 1000000) AS b(i))"


def provokes(heading):
    def add(function):
        assert heading not in PROVOCATIONS, heading
        PROVOCATIONS[heading] = function
        return function
    return add


def statement(heading, **copy):
    """A COPY that differs from a good one in this."""
    provokes(f"`{heading}`")(lambda stage: stage.error(stage.copy(**copy)))


statement('syntax error at or near "{word}"', source="(DELETE FROM t)")
statement("Expected one of {options}, found right parenthesis", connection="", options="")
statement("COPY has no option {option}", options="FORMAT = 'csv', NOSUCH = 1")
statement("{option} specified more than once", options="FORMAT = 'csv', FORMAT = 'csv'")
statement("{option} requires a value", options="FORMAT")
statement("{option} requires a Boolean value", options="FORMAT = 'csv', HEADER = 'maybe'")
statement("COPY TO <expr> requires a FORMAT option", options="")
statement("unknown FORMAT: {format}", options="FORMAT = 'nosuch'")
statement("FORMAT {format} not yet supported", options="FORMAT = 'text'")
statement("COPY {option} must be a single one-byte character", options="FORMAT = 'csv', QUOTE = 'ä'")
statement("COPY delimiter and quote must be different", options="FORMAT = 'csv', QUOTE = ','")
statement("unknown COMPRESSION for csv: {codec}", options="FORMAT = 'csv', COMPRESSION = 'lzma'")
statement('unknown Parquet compression "{codec}"', options="FORMAT = 'parquet', COMPRESSION = 'lzma'")
statement("COMPRESSION {codec}: its level is no whole number above 0", options="FORMAT = 'csv', COMPRESSION = 'zstd x'")
statement("{codec} has no level {level}", options="FORMAT = 'csv', COMPRESSION gzip 10")
statement("COMPRESSION none has no levels", options="FORMAT = 'csv', COMPRESSION none 1")
statement("FORCE QUOTE requires column names in parentheses, or *", options="FORMAT = 'csv', FORCE QUOTE = 'a'")
statement("COPY {option} available only in {format} mode", options="FORMAT = 'parquet', FORCE QUOTE *")
statement("ROW GROUP SIZE cannot be less than 1MB", options="FORMAT = 'parquet', ROW GROUP SIZE '1kB'")
statement("ROW GROUP SIZE cannot be greater than 1GB", options="FORMAT = 'parquet', ROW GROUP SIZE '2GB'")
statement("BLOOM FILTERS requires column names in parentheses, *, true or false", options="FORMAT = 'parquet', BLOOM FILTERS = 7")
provokes('`column "{column}" does not exist` (BLOOM FILTERS)')(
    lambda stage: stage.error(stage.copy(options="FORMAT = 'parquet', BLOOM FILTERS (nosuch)")))
statement('column "{column}" cannot have a Bloom filter', source="(SELECT 0.5::float8 AS f)", options="FORMAT = 'parquet', BLOOM FILTERS (f)")
statement('column "{column}" does not exist', options="FORMAT = 'csv', FORCE QUOTE (nosuch)")
statement("MAX FILE SIZE cannot be less than 16MB", options="FORMAT = 'csv', MAX FILE SIZE = '15MB'")
statement("MAX FILE SIZE cannot be greater than 4GB", options="FORMAT = 'csv', MAX FILE SIZE = '5GB'")
statement("couldn't parse {number} as a number, {reason}", options="FORMAT = 'csv', MAX FILE SIZE = '1.2.3MB'")
statement('couldn\'t parse "{unit}" into a known SI unit, invalid BytesUnit: {unit}. Valid units are B, kB, MB, GB, and TB. '
          "Valid units are B, kB, MB, GB, and TB", options="FORMAT = 'csv', MAX FILE SIZE = '100KB'")
statement("bytes value exceeds u64 range", options="FORMAT = 'csv', MAX FILE SIZE = '99999999999TB'")

statement("OVERWRITE is 'error', 'replace' or 'append', not '{value}'", options="FORMAT = 'csv', OVERWRITE = 'maybe'")
statement("{option} and {option} cannot be combined", options="FORMAT = 'csv', SINGLE FILE, MAX FILE SIZE = '16MB'")
statement("{option} is for COPY … TO 's3://…'", target="STDOUT", connection="", options="FORMAT = 'csv', MANIFEST")
statement("PRESERVE ORDER needs a query with ORDER BY", options="FORMAT = 'csv', PRESERVE ORDER")
statement("FILE NAME PATTERN needs {placeholders} in it", options="FORMAT = 'csv', FILE NAME PATTERN = 'orders'")
statement("FILE NAME PATTERN cannot have '{character}' in it", options="FORMAT = 'csv', FILE NAME PATTERN = 'a/{id}{batch}{index}'")
statement("FILE NAME PATTERN cannot begin with '.'", options="FORMAT = 'csv', FILE NAME PATTERN = '.{id}{batch}{index}'")
statement("FILE NAME PATTERN is longer than {n} characters",
          options=f"FORMAT = 'csv', FILE NAME PATTERN = '{'x' * 300}{{id}}{{batch}}{{index}}'")
statement("PARTITION BY requires columns in parentheses", options="FORMAT = 'csv', PARTITION BY = 'a'")
statement("PARTITION BY takes expressions, not {text}", options="FORMAT = 'csv', PARTITION BY (a FROM t)")
statement("PARTITION BY needs a name for {expression}", options="FORMAT = 'csv', PARTITION BY (a + 1)")
statement("PARTITION BY has the name {name} twice", options="FORMAT = 'csv', PARTITION BY (a, b AS a)")
statement("PARTITION BY cannot tell columns of one name apart", source='(SELECT a, b, a AS "B" FROM t)',
          options="FORMAT = 'csv', PARTITION BY (b)")
statement("PARTITION BY takes at most {n} columns",
          options=f"FORMAT = 'csv', PARTITION BY ({', '.join(f'a AS a{i}' for i in range(20))})")
statement("PARTITION BY leaves no column for the files", options="FORMAT = 'csv', PARTITION BY (a, b)")
statement("WRITE PARTITION COLUMNS needs PARTITION BY", options="FORMAT = 'csv', WRITE PARTITION COLUMNS")
statement("unknown PROFILE: {profile}", options="FORMAT = 'parquet', PROFILE = 'oracle'")
statement('column "{column}": interval {interval} is none of Parquet\'s', source="(SELECT interval '-1 day' AS i)",
          options="FORMAT = 'parquet', PROFILE = 'duckdb'")
statement('column "{column}": {value} is not within the years 1 to 9999', source="(SELECT date 'infinity' AS d)",
          options="FORMAT = 'parquet', PROFILE = 'bigquery'")
statement('column "{column}": arrays within an array must be of one length', source="(SELECT ARRAY[ARRAY[1], ARRAY[2, a]] AS x FROM t)",
          options="FORMAT = 'parquet'")
provokes("`PARTITION BY would make more than {n} files`")(lambda stage: stage.error(
    stage.copy("(SELECT i, 1 AS one FROM generate_series(1, 12000) g(i))", f"'file://{stage.folder}/partitions'",
               "FORMAT = 'csv', PARTITION BY (i)", connection="")))
statement("a partition's folder would have a name of {n} bytes, more than {most}",
          options="FORMAT = 'csv', PARTITION BY (repeat(b, 1000) AS b)")

statement("AWS CONNECTION is required for COPY ... TO <expr>", connection="")
statement("AWS CONNECTION requires the name of a connection", connection="'aws_conn'")
statement('connection "{name}" does not exist', connection="nosuch")
statement("only AWS CONNECTION is supported for COPY ... TO <expr>", connection="t")
statement("AWS CONNECTION and MAX FILE SIZE are for COPY … TO 's3://…'", target="STDOUT")
provokes('`ENDPOINT "{endpoint}" is not allowed: {reason}`')(lambda stage: stage.error(
    "CREATE CONNECTION far TO AWS (ASSUME ROLE ARN = 'arn:aws:iam::1:role/x', ENDPOINT = 'http://169.254.169.254')"))
provokes('`invalid S3 endpoint "{endpoint}": {reason}`')(lambda stage: stage.to("ENDPOINT = 'nonsense'"))
provokes('`invalid AWS region "{region}"`')(lambda stage: stage.to("REGION = 'Europe'"))

statement('relation "{name}" does not exist', source="nosuch")
statement('column "{name}" does not exist', source="(SELECT nosuch FROM t)")
statement('"{name}" is a {kind}, not a relation', source="aws_conn")
statement("specifying columns for COPY <table_name> TO commands not yet supported; use COPY (SELECT...) TO ... instead",
          source="t (a)")
statement("ORDER BY is not supported in SELECT query for COPY statements", source="(SELECT a FROM t ORDER BY a)")
statement("COPY (SUBSCRIBE) is not supported", source="(SUBSCRIBE t)")
statement("Timestamp ({time}) is not valid for all inputs: history is kept from {first} on", source="(SELECT * FROM t AS OF 1)")


@provokes('`materialized view "{name}" cannot be read at the time of this transaction`')
def view_too_new(stage):
    with stage.server.wire() as holder:  # keeps the time readable
        time = holder.query("BEGIN; SELECT mz_now() FROM t LIMIT 1").rows[0][0]
        with stage.server.wire() as maker:
            maker.query("CREATE MATERIALIZED VIEW too_new AS SELECT a FROM t")
            maker.query("SELECT * FROM too_new")
        try:
            return stage.error(stage.copy(source=f"(SELECT * FROM too_new AS OF {time})"))
        finally:
            holder.query("ROLLBACK; DROP MATERIALIZED VIEW too_new")


statement("Timestamp ({time}) is in the future: the newest complete one is {last}",
          source="(SELECT * FROM t AS OF 999999999999999)")
provokes("`COPY TO a store cannot follow changes in the same transaction`")(
    lambda stage: stage.error("BEGIN", "INSERT INTO t VALUES (2, 'z')", stage.copy()))

statement("COPY TO target value can not be null", target="'s3://e2e/' || NULL::text")
statement("COPY TO target must have type text, not type {type}", target="1 + 1")
statement("only 's3://...' urls are supported as COPY TO target", target="'http://bucket/path'")
statement("could not parse COPY TO target url: {reason}", target="'s3://bucket/a b'")
statement("cannot use subquery here", target="(SELECT 's3://bucket/path')")
statement("COPY TO 'file://…' takes no AWS CONNECTION", target="'file:///tmp/x'")
statement("{url} is in no folder that exports may write to", target="'file:///nowhere/x'", connection="")


@provokes("`S3 bucket path is not empty, contains {n} objects`")
def not_empty(stage):
    prefix = stage.bucket.fresh()
    stage.bucket.client.put(stage.bucket.name, prefix + "/kept")
    return stage.error(stage.copy(target=f"'{stage.bucket.url(prefix)}'"))


@provokes("`an export to {url} is under way, or was left behind`")
def left_behind(stage):
    prefix = stage.bucket.fresh()
    stage.bucket.client.put(stage.bucket.name, prefix + "/mz-t1-INCOMPLETE")
    return stage.error(stage.copy(target=f"'{stage.bucket.url(prefix)}'", options="FORMAT = 'csv', OVERWRITE = 'replace'"))


def replacing(stage, old, fault):
    """An export that replaces what a store of its own says is there."""
    store = fake_s3.FakeS3(fault)
    stage.fakes.append(store)
    for name in old:
        store.objects["p/" + name] = b""
    connection = stage.bucket.fresh()
    return stage.error(f"CREATE CONNECTION {connection} TO AWS (ACCESS KEY ID = 'k', SECRET ACCESS KEY = SECRET aws_conn_secret, "
                       f"ENDPOINT = '{store.url}', REGION = 'us-east-1')",
                       stage.copy(target="'s3://lake/p'", connection=connection, options="FORMAT = 'csv', OVERWRITE = 'replace'"))


provokes("`{url} holds more than {n} objects, too many to replace`")(
    lambda stage: replacing(stage, map(str, range(100_001)), lambda operation, key: None))
provokes("`all files are written, but not all that they replace is removed yet: {error}`")(
    lambda stage: replacing(stage, ["old"], lambda operation, key: Refusal(403, "AccessDenied")
                            if operation == "DeleteObject" and key.endswith("/old") else None))


@provokes("`another export to {url} began at the same time`")
def at_the_same_time(stage):
    store = None

    def other_begins(operation, key):
        if operation == "PutObject":
            store.objects[key.rsplit("/", 1)[0] + "/mz-t1-INCOMPLETE"] = b""

    store = fake_s3.FakeS3(other_begins)
    stage.fakes.append(store)
    error = stage.to(f"ENDPOINT = '{store.url}'")
    assert len(store.objects) == 1, store.objects  # the other's, not ours
    return error


provokes("`AccessDenied error when using DeleteObject`")(lambda stage: stage.refused(403, "AccessDenied", "DeleteObject"))
provokes("`Error when using DeleteObject: {error}`")(lambda stage: stage.refused(501, "NotImplemented", "DeleteObject"))

ACCESS_DENIED = "`{request}: 403 AccessDenied{…}`"
RIGHTS = {"ListObjectsV2": "s3:ListBucket", "PutObject": "s3:PutObject", "CreateMultipartUpload": "s3:PutObject",
          "UploadPart": "s3:PutObject", "CompleteMultipartUpload": "s3:PutObject"}


@provokes(ACCESS_DENIED)
def access_denied(stage):
    for operation, right in RIGHTS.items():
        error = stage.refused(403, "AccessDenied", operation)
        assert error.diag.message_primary.startswith(operation + " "), error
        assert right in error.diag.message_hint, error.diag.message_hint
        assert stage.fakes[-1].objects == {} and stage.fakes[-1].uploads == {}, operation
    return error


# From the real store, which checks keys.
provokes("`{request}: 403 InvalidAccessKeyId{…}`")(
    lambda stage: stage.to(f"ACCESS KEY ID = 'AKIANOSUCHKEY', ENDPOINT = '{stage.bucket.endpoint}'"))


@provokes("`{request}: 403 SignatureDoesNotMatch{…}`")
def wrong_secret(stage):
    stage.connect().cursor().execute("CREATE SECRET wrong AS 'wrong'")
    return stage.to(f"SECRET ACCESS KEY = SECRET wrong, ENDPOINT = '{stage.bucket.endpoint}'")


provokes("`{request}: 404 NoSuchBucket{…}`")(lambda stage: stage.error(stage.copy(target="'s3://no-such-bucket-here/x'")))
provokes("`{request}: 400 ExpiredToken{…}`")(lambda stage: stage.refused(400, "ExpiredToken", "UploadPart"))
provokes("`{request}: 403 RequestTimeTooSkewed{…}`")(lambda stage: stage.refused(403, "RequestTimeTooSkewed"))
provokes("`{request}: 400 AuthorizationHeaderMalformed{…}`")(
    lambda stage: stage.refused(400, "AuthorizationHeaderMalformed", region="eu-west-1"))
provokes("`{request}: 301 PermanentRedirect{…}`")(lambda stage: stage.refused(301, "PermanentRedirect", region="eu-west-1"))
provokes("`{request}: 503 SlowDown{…}, the last of {n} tries`")(lambda stage: stage.refused(503, "SlowDown", "PutObject"))
provokes("`{request}: 500 InternalError{…}, the last of {n} tries`")(
    lambda stage: stage.refused(500, "InternalError", "CreateMultipartUpload"))
provokes("`{request}: {status} {code}{…}`")(lambda stage: stage.refused(501, "NotImplemented"))
provokes("`{request}: 200 without a {root}, the last of {n} tries`")(
    lambda stage: stage.fake(lambda operation, key: b"<html>log in</html>"))

provokes("`{request}: Failed to connect to {host} port {port} after {n} ms: {reason}, the last of {n} tries`")(
    lambda stage: stage.to("ENDPOINT = 'http://127.0.0.1:1'"))
provokes("`{request}: Could not resolve host: {host}, the last of {n} tries`")(
    lambda stage: stage.to("ENDPOINT = 'http://nosuch.invalid'"))
provokes("`{request}: Empty reply from server, the last of {n} tries`")(lambda stage: stage.fake(lambda operation, key: DROP))
provokes("`{request}: SSL certificate problem: {reason}`")(
    lambda stage: stage.to(f"ENDPOINT = '{stage.bucket.settings['S3_HTTPS_ENDPOINT']}'"))
provokes("`{request}: {…}wrong version number, the last of {n} tries`")(
    lambda stage: stage.to(f"ENDPOINT = '{stage.bucket.endpoint.replace('http:', 'https:')}'"))

statement("division by zero", source="(SELECT 1 / a FROM t)")
statement("numeric field overflow",
          source="(SELECT 12345678901234567890123456789012.5::numeric AS n)", options="FORMAT = 'parquet'")
provokes("`canceling statement due to statement timeout`")(
    lambda stage: stage.error("SET statement_timeout = '500ms'", stage.copy(ENDLESS)))


def while_it_runs(stage, act):
    """An endless export, and what is done to it when its sentinel is there."""
    prefix, errors = stage.bucket.fresh(), []
    db = stage.connect()

    def run():
        try:
            db.cursor().execute(stage.copy(ENDLESS, f"'{stage.bucket.url(prefix)}'"))
        except psycopg2.Error as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wire.wait_until(lambda: stage.bucket.list(prefix), "the sentinel")
    act(db)
    thread.join(60)
    wire.wait_until(lambda: not stage.bucket.list(prefix), "the end of undoing")
    return errors[0]


provokes("`canceling statement due to user request`")(lambda stage: while_it_runs(stage, lambda db: db.cancel()))


@provokes("`out of memory`")
def out_of_memory(_):
    small = Stage("--memory-limit", "256MB")
    try:
        error = small.error(small.copy("(SELECT repeat('x', 150000000) AS s)"))
        assert small.server.wire().query(small.copy()).tag == "COPY 2"
        return error
    finally:
        small.close()


@provokes("`terminating connection due to administrator command`")
def shutdown(_):
    # By bytes: PQexec() of some versions keeps only what comes after, that the connection was closed.
    own = Stage()
    try:
        with own.server.wire() as sql:
            prefix = own.bucket.fresh()
            sql.send("Q", own.copy(ENDLESS, f"'{own.bucket.url(prefix)}'").encode() + b"\0")
            wire.wait_until(lambda: own.bucket.list(prefix), "the sentinel")
            own.server.process.send_signal(signal.SIGTERM)
            fields = wire.fields_of(sql.receive().body)
        diag = types.SimpleNamespace(sqlstate=fields["C"], message_primary=fields["M"],
                                     message_detail=fields.get("D"), message_hint=fields.get("H"))
        return types.SimpleNamespace(diag=diag)
    finally:
        own.close()


@provokes("`{request}: 403 AccessDenied{…}`, and something is left")
def leftovers(stage):
    refuse = lambda operation, key: Refusal(403, "AccessDenied") if operation in (
        "CompleteMultipartUpload", "AbortMultipartUpload") or (operation == "DeleteObject" and key.endswith("-INCOMPLETE")) else None
    error = stage.fake(refuse)
    (sentinel,) = stage.fakes[-1].objects
    assert sentinel in error.diag.message_detail, error.diag.message_detail
    return error


@provokes("`all files are written, but whether the sentinel is removed is unknown: {error}`")
def unknown_end(stage):
    ending = []

    def deaf(operation, key):
        if operation == "DeleteObject" and key.endswith("-INCOMPLETE"):
            ending.append(key)
        return DROP if ending else None

    return stage.fake(deaf)


def role_error(options, **environment):
    """Of an export over a role, by a server that has this in its environment."""
    clean = {name: "" for name in os.environ if name.startswith("AWS_")}
    with tempfile.TemporaryDirectory() as home:
        server = harness.Server(environment={
            **clean, "HOME": home, "AWS_EC2_METADATA_DISABLED": "true", **environment})
        own = types.SimpleNamespace(connect=lambda: connect(server))
        try:
            return Stage.error(own, f"CREATE CONNECTION c TO AWS (ASSUME ROLE ARN = 'arn:aws:iam::123456789012:role/x', {options})",
                               "COPY (SELECT 1) TO 's3://lake/p' WITH (AWS CONNECTION = c, FORMAT = 'csv')")
        finally:
            server.close()


def error_of_sts(**environment):
    store = s3fake.FakeS3()
    try:
        store.tell("user", "ann", "AKIAANN", "secret")
        return role_error(f"ENDPOINT = '{store.endpoint}', REGION = '{store.region}'", **environment)
    finally:
        store.close()


KEYS = {"AWS_ACCESS_KEY_ID": "AKIAANN", "AWS_SECRET_ACCESS_KEY": "secret"}
provokes("`{request}: AssumeRole {role}: 403 AccessDenied{…}`")(lambda stage: error_of_sts(**KEYS))
provokes("`{request}: AssumeRole {role}: {status} {code}{…}`")(
    lambda stage: error_of_sts(AWS_ACCESS_KEY_ID="AKIAANN", AWS_SECRET_ACCESS_KEY="wrong"))
provokes("`{request}: AssumeRole {role} at {endpoint}: {reason}, the last of {n} tries`")(
    lambda stage: role_error("ENDPOINT = 'http://127.0.0.1:1', REGION = 'us-east-1'", **KEYS))
provokes("`{request}: this server has no AWS credentials of its own`")(lambda stage: error_of_sts())
provokes("`{request}: AWS credentials from {source}: {reason}`")(lambda stage: error_of_sts(AWS_PROFILE="nosuch"))


class Errors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.entries = entries()
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)

    def test_entries_and_provocations_are_the_same(self):
        self.assertEqual(sorted(self.entries), sorted(PROVOCATIONS))

    def test_every_entry_tells_the_cure(self):
        for entry in self.entries.values():
            self.assertIn("**Cure:**", entry.text, entry.heading)

    def test_every_error_is_as_the_document_says(self):
        for heading, provocation in PROVOCATIONS.items():
            with self.subTest(heading):
                entry, diag = self.entries[heading], provocation(self.stage).diag
                self.assertRegex(diag.message_primary, rf"\A{pattern(entry.message).pattern}\Z")
                self.assertEqual(diag.sqlstate, entry.fields["sqlstate"], diag.message_primary)
                for name, said in (("detail", diag.message_detail), ("hint", diag.message_hint)):
                    if entry.fields[name] is None:
                        self.assertIsNone(said, f"{name} of {diag.message_primary}")
                    else:
                        self.assertRegex(said or "", re.compile(rf"\A{pattern(entry.fields[name]).pattern}\Z", re.DOTALL), name)

    def test_no_entry_hides_behind_a_wider_one(self):
        # A template of nothing but variables would take every text.
        for entry in self.entries.values():
            fixed = re.sub(r"\{[^}]+\}", "", entry.message)
            self.assertGreater(len(fixed), 4 if entry.message != "{request}: {status} {code}{…}" else 2, entry.heading)


if __name__ == "__main__":
    harness.main()
