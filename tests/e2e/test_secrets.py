#!/usr/bin/python3
"""Secrets are kept to themselves: canaries are given in every way that a client has, and then looked for
in whatever the server has said or written. And the key of the secrets: where it is, who may read it, how
it is replaced, also when that is cut off."""

import base64
import json
import os
import pathlib
import random
import signal
import stat
import struct
import subprocess
import time
import urllib.parse

import fake_s3
import harness
import s3fake
import wire


def forms(canary):
    """What a value may look like where it was put down, by name."""
    raw = canary.encode()
    found = {"plain": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode(), "reversed": raw[::-1],
             "utf-16": canary.encode("utf-16-le"), "url": urllib.parse.quote(canary, safe="").encode(),
             "json": json.dumps(canary)[1:-1].encode()}
    for shift in range(3):  # it may stand at any place of what was encoded
        text = base64.b64encode(b"\0" * shift + raw)
        found[f"base64+{shift}"] = text[(0, 2, 3)[shift]:len(raw) * 8 // 6 - 2]
    return found


def sightings(places, canaries):
    """(place, canary, form) for each canary that is seen; `places` holds bytes by name."""
    return [(place, canary, form) for place, data in places.items() for canary in canaries
            for form, looks in forms(canary).items() if looks in data]


def files_below(folder):
    return {str(path): path.read_bytes() for path in pathlib.Path(folder).rglob("*") if path.is_file()}


class Listener(wire.Wire):
    """A client that keeps every byte that it has heard."""

    def __init__(self, *arguments, **options):
        self.heard = b""
        super().__init__(*arguments, **options)

    def read_exactly(self, count):
        data = super().read_exactly(count)
        self.heard += data
        return data

    def simple(self, sql):
        """An error is as good as a result here."""
        try:
            return self.results(sql)
        except wire.Fault:
            return []

    def extended(self, sql, *values):
        self.send("P", b"\0" + sql.encode() + b"\0" + struct.pack("!h", 0))
        self.send("D", b"S\0")
        texts = b"".join(struct.pack("!i", len(v.encode())) + v.encode() for v in values)
        self.send("B", b"\0\0" + struct.pack("!hh", 0, len(values)) + texts + struct.pack("!h", 0))
        self.send("E", b"\0" + struct.pack("!i", 0))
        self.send("S")
        try:
            return self.until_ready()
        except wire.Fault:
            return []


class Canaries(harness.OwnServers):
    """`given` are the secrets: none of them may be seen again, anywhere."""

    def canary(self, end="+/Q="):
        word = "cnry" + random.Random(len(self.given)).randbytes(9).hex() + end
        self.given.append(word)
        return word

    def setUp(self):
        self.given = []
        self.key_file = self.folder() + "/keys/secrets.key"
        os.mkdir(os.path.dirname(self.key_file))
        self.run = self.server("--log-level", "debug", "--secrets-key-file", self.key_file, "--memory-limit", "256MB")
        self.store = fake_s3.FakeS3(lambda operation, key: fake_s3.Refusal(403, "InvalidAccessKeyId"))
        self.addCleanup(self.store.close)
        self.client = Listener(self.run.host, self.run.port)
        self.addCleanup(self.client.close)
        self.heard = {}

    def give_all(self):
        """Secrets in every way that a client has of giving them."""
        say, canary = self.client.simple, self.canary
        endpoint = f"ENDPOINT = '{self.store.url}', REGION = 'us-east-1'"
        say(f"CREATE SECRET k AS '{canary()}'")
        say(f"CREATE SECRET e AS E'{canary()}'; SELECT nosuch")
        say(f"CREATE SECRET d AS $${canary()}$$")
        say(f"CREATE SECRET b AS '\\x{canary().encode().hex()}'::bytea")
        say(f"CREATE SECRET f AS '{canary()}' || '{canary()}'")
        self.key_id = canary()
        say(f"CREATE CONNECTION c TO AWS (ACCESS KEY ID = '{self.key_id}', SECRET ACCESS KEY = SECRET k, "
            f"SESSION TOKEN = '{canary()}', {endpoint})")
        for sql in (
                "CREATE SECRET k AS '{}'",  # there already
                "CREATE SECRET IF NOT EXISTS k AS '{}'",
                "CREATE SECRET n AS '{}' nosuch",
                "CREATE SECRET n '{}'",
                "CREATE SECRET n = '{}'",
                'CREATE SECRET n AS "{}"',
                "CREATE SECRET n AS {}",
                "CREATE SECRET n AS '{}",  # a string without an end
                "CREATE SECRET n AS nosuch('{}')",
                "CREATE SECRET n AS '{}'::int",
                "CREATE SECRET n AS '{}'::bytea::int",
                "CREATE SECRET n AS 1/0 || '{}'",
                "CREATE SECRET nosuch.n AS '{}'",
                "CREAT SECRET n AS '{}'",
                "CREATE SECRET n AS (SELECT '{}')",
                "ALTER SECRET nosuch AS '{}'",
                "ALTER SECRET IF EXISTS nosuch AS '{}'",
                "ALTER SECRET k AS '{}' || nosuch",
                "ALTER SECRET k '{}'",
                "BEGIN; CREATE SECRET n AS '{}'; ROLLBACK",
                "PREPARE p AS CREATE SECRET n AS '{}'",
                "EXPLAIN CREATE SECRET n AS '{}'",
                "DECLARE cur CURSOR FOR CREATE SECRET n AS '{}'",
                "COPY (SELECT 1) TO STDOUT WITH (SECRET ACCESS KEY = '{}')",
                "CREATE CONNECTION n TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = '{}')",
                "CREATE CONNECTION n TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = SECRET k, SECRET ACCESS KEY = '{}')",
                "CREATE CONNECTION n TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = SECRET k, SESSION TOKEN = '{}', NOSUCH = 'x')",
                "CREATE CONNECTION n TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = \"{}\")",
                "CREATE CONNECTION n TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = {})",
                "CREATE CONNECTION n TO AWS (ACCESS KEY ID = 'a', SESSION TOKEN = '{}' nosuch)",
                "CREATE CONNECTION n TO AWS (ACCESS KEY ID 'a' SECRET ACCESS KEY '{}')",
                "CREATE CONNECTION n TO AWS (SECRET ACCESS KEY = '{}'",
                "CREATE CONNECTION n TO AWS (SESSION TOKEN = ['{}'])",
                "CREATE CONNECTION n TO S3 (SECRET ACCESS KEY = '{}')",
                "ALTER CONNECTION c SET (SECRET ACCESS KEY = '{}')",
                "ALTER CONNECTION c SET (SESSION TOKEN = '{}', NOSUCH = 'x')",
                "ALTER CONNECTION nosuch SET (SESSION TOKEN = '{}')",
                "ALTER CONNECTION c SET (SESSION TOKEN = '{}') nosuch",
        ):
            say(sql.format(canary()))
            self.client.extended(sql.format(canary()))
        # Somebody forgets the quotes.
        for sql in ("CREATE SECRET n AS {}", "CREATE SECRET n {}", "CREATE SECRET n = {}", "CREATE SECRET n AS {} {}",
                    "ALTER SECRET k AS {}", "ALTER SECRET k {}", "ALTER CONNECTION c SET (SESSION TOKEN {} {})",
                    "CREATE CONNECTION n TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = {})",
                    "CREATE CONNECTION n TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY {})",
                    "CREATE CONNECTION n TO AWS (ACCESS KEY ID = a, SECRET ACCESS KEY = SECRET k, SESSION TOKEN = {} {})"):
            say(sql.replace("{}", canary("")))
        self.client.extended("CREATE SECRET x AS '" + canary() + "'")
        self.client.extended("ALTER SECRET x AS '" + canary() + "'")
        for sql in ("CREATE SECRET p AS $1", "ALTER SECRET k AS $1::text", "CREATE SECRET n AS $1::int",
                    "CREATE SECRET n AS $1 nosuch", "CREATE SECRET n AS $2",
                    "CREATE CONNECTION n TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = $1)"):
            self.client.extended(sql, canary())
        say(f"ALTER SECRET k AS '{canary()}'")  # the first one is history now
        for option in ("SECRET ACCESS KEY = '{}'", "SESSION TOKEN = '{}'", "NOSUCH = '{}'", "ACCESS KEY ID '{}'"):
            say("COPY (SELECT 1) TO 's3://bucket/prefix' WITH (AWS CONNECTION = c, FORMAT = 'csv', " + option.format(canary()) + ")")
        for format in ("csv", "parquet"):
            say(f"COPY (SELECT 1) TO 's3://bucket/prefix' WITH (AWS CONNECTION = c, FORMAT = '{format}')")
        say("VALIDATE CONNECTION c")
        say("VALIDATE CONNECTION c WITH (S3 PATH = 's3://bucket/prefix')")
        for number, body in enumerate((
                {"query": f"CREATE SECRET h AS '{canary()}'; SELECT nosuch"},
                {"query": f"CREATE SECRET h AS '{canary()}' nosuch"},
                {"queries": [{"query": "CREATE SECRET h AS $1", "params": [canary()]}]},
                {"queries": [{"query": "CREATE SECRET h AS $1::int", "params": [canary()]}]},
        )):
            self.say_http(f"http {number}", json.dumps(body))
        self.say_http("http broken", '{"query": "CREATE SECRET h AS \'' + canary() + "'")
        self.assertGreater(len(self.store.requests), 0, "no request has reached the store")

    def say_http(self, name, body):
        _, answer, headers = self.run.http("POST", "/api/sql", body, {"Content-Type": "application/json"})
        self.heard[name] = (answer + str(headers)).encode()

    def ask_all(self):
        """Whatever a session can read of the catalog."""
        relations = self.client.rows(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
            "ON c.relnamespace = n.oid WHERE c.relkind IN ('r', 'v', 'm') "
            "UNION SELECT s.name, o.name FROM mz_catalog.mz_objects o JOIN mz_catalog.mz_schemas s "
            "ON o.schema_id = s.id WHERE o.type IN ('table', 'view', 'source')")
        named = {f"{schema}.{name}" for schema, name in relations}
        for name in ("mz_catalog.mz_secrets", "mz_internal.mz_aws_connections", "sluice_internal.export_runs"):
            self.assertIn(name, named)
        for name in sorted(named):
            self.client.results(f"SELECT * FROM {name}")
        for sql in ("SHOW CREATE CONNECTION c", "SHOW REDACTED CREATE CONNECTION c", "SHOW SECRETS", "SHOW CONNECTIONS",
                    "SHOW ALL", "SHOW IAM POLICY FOR CONNECTION c TO 's3://bucket/prefix'"):
            self.client.results(sql)
        for sql in ("EXPLAIN SELECT * FROM mz_catalog.mz_secrets", "SHOW TRUST POLICY FOR CONNECTION c"):
            self.client.simple(sql)
        self.assertGreaterEqual(int(self.client.value("SELECT count(*) FROM sluice_internal.export_runs")), 1)
        for path in ("/metrics", "/health"):
            self.heard[path] = self.run.http("GET", path)[1].encode()

    def places(self):
        return {**files_below(self.run.data_dir), **self.heard, "log": self.run.log().encode(),
                "client": self.client.heard}

    def test_no_secret_is_seen_again(self):
        self.give_all()
        self.ask_all()
        self.run.kill()  # what is on disk now is what a thief would find
        places, key_id = self.places(), [self.key_id]
        self.given.remove(self.key_id)
        self.assertGreater(len(self.given), 90)
        self.assertEqual(sightings(places, self.given), [])
        # Who may ask for the connection may see its key's id; nobody else.
        self.assertEqual({place for place, _, _ in sightings(places, key_id)}, {"client"})

    def test_it_stays_so_after_restarts_and_when_the_log_is_replaced(self):
        self.give_all()
        self.run.restart()
        with self.run.wire() as sql:
            # So many rows that they leave memory and log.
            sql.query("CREATE TABLE t (a text)")
            sql.query("INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 30000)")
            wire.wait_until(lambda: list(pathlib.Path(self.run.data_dir).rglob("*.head")), "the log's replacement", 60)
        self.run.restart()
        with self.run.wire() as sql:
            self.assertIn("c", [row[0] for row in sql.rows("SELECT name FROM mz_catalog.mz_connections")])
        self.run.kill()
        key = pathlib.Path(self.key_file).read_text().split()[-1]
        self.assertEqual(len(key), 64)
        places = {**files_below(self.run.data_dir), "log": self.run.log().encode()}
        self.assertEqual(sightings(places, self.given), [])
        self.assertEqual([place for place, data in places.items()
                          if key.encode() in data or bytes.fromhex(key) in data], [])

    def test_the_search_sees_what_is_there(self):
        # In the same places, put there on purpose.
        shown = "cnryshown0123456789+/Q="
        with self.run.wire(application_name=shown):
            pass
        self.client.query(f"CREATE TABLE t (a text); INSERT INTO t VALUES ('{shown}')")
        self.client.rows("SELECT * FROM t")
        encoded = [base64.b64encode(("x" * n + shown).encode()).decode() for n in range(3)]
        self.client.query(f"CREATE VIEW v AS SELECT '{shown.encode().hex()}' AS a, '{encoded[0]} {encoded[1]} {encoded[2]}' AS b")
        self.run.kill()
        seen = sightings(self.places(), [shown])
        self.assertLessEqual({"plain", "hex", "base64+0", "base64+1", "base64+2"},
                             {form for place, _, form in seen if place.startswith(self.run.data_dir)})
        self.assertLessEqual({"client", "log"}, {place for place, _, _ in seen})


def sluice(*arguments, environment=None, timeout=120):
    return subprocess.run([harness.BINARY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(environment or {})}, timeout=timeout)


class KeyFile(harness.OwnServers):
    def setUp(self):
        self.data = self.folder()
        self.key = self.data + "/secrets.key"
        self.elsewhere = self.folder() + "/here.key"

    def start(self, *arguments, **options):
        return self.server(*arguments, data_dir=self.data, **options)

    def refusal(self, *arguments, environment=None):
        done = sluice("serve", "--data-dir", self.data, "--sql-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
                      *arguments, environment=environment)
        self.assertEqual(done.returncode, 1, done)
        self.assertNotIn("ready", done.stdout)
        return done.stderr

    def test_is_made_at_the_first_start_for_its_owner_alone(self):
        server = self.start()
        self.assertEqual(stat.S_IMODE(os.stat(self.key).st_mode), 0o600)
        text = pathlib.Path(self.key).read_text()
        server.restart()
        self.assertEqual(pathlib.Path(self.key).read_text(), text)

    def test_is_put_where_the_settings_say(self):
        for name, options in {
                "option": {"arguments": ("--secrets-key-file", self.elsewhere)},
                "environment": {"environment": {"SLUICE_SECRETS_KEY_FILE": self.elsewhere}},
                "file": {"arguments": ("--config", self.config())},
        }.items():
            with self.subTest(name):
                server = harness.Server(*options.get("arguments", ()), environment=options.get("environment"))
                self.addCleanup(server.close)
                self.assertTrue(os.path.exists(self.elsewhere))
                self.assertFalse(os.path.exists(server.data_dir + "/secrets.key"))
                server.close()
                os.remove(self.elsewhere)
        self.assertIn("--secrets-key-file", sluice("serve", "--help").stdout)

    def config(self):
        path = self.folder() + "/sluice.toml"
        pathlib.Path(path).write_text(f'secrets-key-file = "{self.elsewhere}"\n')
        return path

    def test_is_refused_when_others_may_read_it(self):
        self.start().close()
        for mode in (0o640, 0o604, 0o660):
            os.chmod(self.key, mode)
            said = self.refusal()
            self.assertIn(self.key, said)
            self.assertIn("chmod 600 " + self.key, said)
        os.chmod(self.key, 0o400)
        self.start()

    def test_that_is_missing_is_told_and_not_made_anew(self):
        self.start().close()
        os.rename(self.key, self.elsewhere)
        said = self.refusal()
        self.assertIn(self.key, said)
        self.assertIn("--secrets-key-file", said)
        self.assertFalse(os.path.exists(self.key))
        self.start("--secrets-key-file", self.elsewhere)

    def test_of_another_data_folder_is_refused(self):
        self.start().close()
        other = self.server("--secrets-key-file", self.elsewhere)
        said = self.refusal("--secrets-key-file", self.elsewhere)
        self.assertIn(f"{self.elsewhere} is not the key of this data folder's secrets", said)
        pathlib.Path(self.key).write_text("nonsense\n")
        self.assertIn(self.key, self.refusal())


class Rotation(harness.OwnServers):
    """Against a strict store: an export ends well only with the very secret that was given."""

    @classmethod
    def setUpClass(cls):
        cls.store = s3fake.FakeS3()
        cls.addClassCleanup(cls.store.close)

    def setUp(self):
        self.data = self.folder()
        self.key = self.data + "/secrets.key"
        self.new_key = self.folder() + "/new.key"
        server = self.server(data_dir=self.data)
        with server.wire() as sql:
            harness.create_connection(sql, self.store)
        server.close()

    def export(self, *arguments):
        server = self.server(*arguments, data_dir=self.data)
        with server.wire() as sql:
            done = sql.query(f"COPY (SELECT 1) TO '{self.store.url('p' + str(time.monotonic_ns()))}' "
                             "WITH (AWS CONNECTION = aws_conn, FORMAT = 'csv')")
            self.assertEqual(done.tag, "COPY 1")
        server.close()

    def rotate(self, *arguments):
        return sluice("rotate-secrets-key", "--data-dir", self.data, *arguments)

    def test_replaces_the_key_in_place(self):
        old = pathlib.Path(self.key).read_text()
        done = self.rotate()
        self.assertEqual(done.returncode, 0, done.stderr)
        new = pathlib.Path(self.key).read_text()
        self.assertNotEqual(old.split()[-1], new.split()[-1])
        self.assertNotIn(old.split()[-1], new)
        self.assertEqual(stat.S_IMODE(os.stat(self.key).st_mode), 0o600)
        self.assertIn(new.split()[-2], done.stdout)
        self.assertNotIn(new.split()[-1], done.stdout + done.stderr)
        self.export()
        # The old key opens nothing that the server uses.
        pathlib.Path(self.key).write_text(old)
        refused = sluice("serve", "--data-dir", self.data, "--sql-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(self.key, refused.stderr)

    def test_puts_the_new_key_elsewhere_and_removes_the_old(self):
        done = self.rotate("--new-key-file", self.new_key)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(self.key))
        self.export("--secrets-key-file", self.new_key)
        # Once more is no harm.
        self.assertEqual(self.rotate("--new-key-file", self.new_key).returncode, 0)
        self.export("--secrets-key-file", self.new_key)

    def test_keeps_the_key_when_both_files_are_one(self):
        os.symlink(self.data, self.new_key)
        done = self.rotate("--new-key-file", self.new_key + "/secrets.key")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.export()

    def test_is_refused_while_a_server_runs_and_without_the_old_key(self):
        server = self.server(data_dir=self.data)
        done = self.rotate()
        self.assertEqual(done.returncode, 1)
        self.assertIn(self.data, done.stderr)
        server.close()
        os.rename(self.key, self.new_key)
        done = self.rotate()
        self.assertEqual(done.returncode, 1)
        self.assertIn(self.key, done.stderr)
        self.assertEqual(self.rotate("--secrets-key-file", self.new_key).returncode, 0)
        self.assertNotEqual(sluice("rotate-secrets-key", "--data-dir", self.folder()).returncode, 0)

    def test_that_is_lost_costs_the_secrets_alone(self):
        self.assertEqual(self.rotate("--discard-secrets").returncode, 1)  # the key is there
        self.export()
        os.remove(self.key)
        self.assertIn("--discard-secrets", self.rotate().stderr)
        done = self.rotate("--discard-secrets")
        self.assertEqual(done.returncode, 0, done.stderr)
        server = self.server(data_dir=self.data)
        with server.wire() as sql:
            copy = f"COPY (SELECT 1) TO '{self.store.url('lost')}' WITH (AWS CONNECTION = aws_conn, FORMAT = 'csv')"
            self.assertIn("InvalidAccessKeyId", sql.fault(copy).message)
            sql.query(f"ALTER SECRET aws_conn_secret AS '{self.store.secret}'")
            sql.query(f"ALTER CONNECTION aws_conn SET (ACCESS KEY ID = '{self.store.key}')")
            self.assertEqual(sql.query(copy).tag, "COPY 1")

    def test_that_is_killed_at_any_moment_loses_nothing(self):
        began = time.monotonic()
        self.assertEqual(self.rotate().returncode, 0)
        whole, dice, kills, rounds = time.monotonic() - began, random.Random(4), 0, 0
        # How long it takes moves with the machine's load: rounds go on until enough were cut off.
        while kills < 8 and rounds < 60:
            elsewhere = rounds % 2 == 1
            rounds += 1
            arguments = ["--new-key-file", self.new_key] if elsewhere else []
            began = time.monotonic()
            process = subprocess.Popen([harness.BINARY, "rotate-secrets-key", "--data-dir", self.data, *arguments],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # Most of it is the start; what matters is at the end.
            until = began + whole * dice.uniform(0.4, 1.1)
            while process.poll() is None and time.monotonic() < until:
                time.sleep(0.0005)
            if process.poll() is None:
                process.kill()
            if process.wait() == -signal.SIGKILL:
                kills += 1
            else:
                self.assertEqual(process.returncode, 0)
                whole = min(whole, time.monotonic() - began)
            if elsewhere and os.path.exists(self.new_key):
                self.export("--secrets-key-file", self.new_key)
                done = self.rotate("--new-key-file", self.new_key)
                self.assertEqual(done.returncode, 0, done.stderr)
                os.rename(self.new_key, self.key)
            self.export()
        self.assertGreaterEqual(kills, 8)


if __name__ == "__main__":
    harness.main()
