#!/usr/bin/python3
"""Secrets that were used and dropped are not in the server's memory any more: all of it is searched, as a
core dump would hold it."""

import json
import os
import re
import time
import unittest

import harness
import s3fake

WAIT_SECONDS = 10


def memory_of(server):
    """Of each region that can be read: (name, bytes)."""
    with open(f"/proc/{server.process.pid}/maps") as maps, open(f"/proc/{server.process.pid}/mem", "rb", 0) as memory:
        for line in maps:
            begin, end, rights, name = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line).groups()
            if "r" not in rights or name in ("[vvar]", "[vvar_vclock]", "[vsyscall]"):
                continue
            try:
                memory.seek(int(begin, 16))
                yield name, memory.read(int(end, 16) - int(begin, 16))
            except (OSError, ValueError):  # it is gone, or a device's
                continue


def places_of(server, *canaries):
    """Where they are, with what is around them."""
    found = []
    for name, data in memory_of(server):
        for canary in canaries:
            at = data.find(canary)
            while at >= 0:
                found.append((canary, name, data[max(0, at - 40):at + len(canary) + 40]))
                at = data.find(canary, at + 1)
    return found


class Memory(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.store = s3fake.FakeS3()
        cls.addClassCleanup(cls.store.close)
        cls.ambient = "ambient/" + os.urandom(12).hex()
        cls.user = cls.store.tell("user", "operator", "AKIAOPERATOR", cls.ambient)
        clean = {name: "" for name in os.environ if name.startswith("AWS_")}
        cls.server = harness.Server(environment={
            **clean, "AWS_ACCESS_KEY_ID": "AKIAOPERATOR", "AWS_SECRET_ACCESS_KEY": cls.ambient,
            "AWS_REGION": cls.store.region, "AWS_EC2_METADATA_DISABLED": "true"})
        cls.addClassCleanup(cls.server.close)
        try:
            next(memory_of(cls.server))
        except (PermissionError, StopIteration):
            raise unittest.SkipTest("this machine does not let a process read its child's memory")

    def setUp(self):
        super().setUp()
        self.sql.query("DROP CONNECTION IF EXISTS c")
        self.sql.query("DROP SECRET IF EXISTS s")

    def canary(self):
        return "canary/" + os.urandom(14).hex()

    def expect_gone(self, *canaries):
        """Threads that have just ended a piece of work may still hold its last block."""
        end = time.monotonic() + WAIT_SECONDS
        while found := places_of(self.server, *(canary.encode() for canary in canaries)):
            self.assertLess(time.monotonic(), end, found)
            time.sleep(0.1)

    def expect_held(self, canary):
        self.sql.query("SELECT 1")  # after a commit the catalog is read when it is next needed
        self.assertGreater(len(places_of(self.server, canary.encode())), 0, "the search would not find it")

    def connect(self, secret, options="", name="c"):
        self.store.tell("user", "u" + os.urandom(4).hex(), key := "AKIA" + os.urandom(8).hex().upper(), secret)
        self.sql.query(f"CREATE CONNECTION {name} TO AWS (ACCESS KEY ID = '{key}', SECRET ACCESS KEY = SECRET s, "
                       f"ENDPOINT = '{self.store.endpoint}', REGION = '{self.store.region}'{options})")

    def use(self, name="c"):
        prefix = "p" + os.urandom(6).hex()
        self.sql.query(f"COPY (SELECT 1) TO '{self.store.url(prefix)}' WITH (AWS CONNECTION = {name}, FORMAT = 'csv')")
        self.sql.query(f"VALIDATE CONNECTION {name}")
        self.sql.rows(f"VALIDATE CONNECTION {name} WITH (S3 PATH = '{self.store.url(prefix + 'v')}')")

    def test_a_secret_is_gone_when_it_is_dropped(self):
        secret = self.canary()
        self.sql.query(f"CREATE SECRET s AS '{secret}'")
        self.connect(secret)
        self.use()
        self.expect_held(secret)
        self.sql.query("DROP CONNECTION c")
        self.sql.query("DROP SECRET s")
        self.expect_gone(secret, "AWS4" + secret)

    def test_the_old_value_is_gone_when_it_is_altered(self):
        old, new = self.canary(), self.canary()
        self.sql.query(f"CREATE SECRET s AS '{old}'")
        self.sql.query(f"ALTER SECRET s AS '{new}'")
        self.expect_gone(old)
        self.expect_held(new)
        self.sql.query("DROP SECRET s")
        self.expect_gone(new)

    def test_what_a_statement_said_is_held_by_the_catalog_alone(self):
        secret = self.canary()
        self.sql.query(f"CREATE SECRET s AS '{secret}'")
        self.expect_held(secret)
        end = time.monotonic() + WAIT_SECONDS
        while len(found := places_of(self.server, secret.encode())) > 1:
            self.assertLess(time.monotonic(), end, found)
            time.sleep(0.1)
        self.sql.query("DROP SECRET s")
        self.expect_gone(secret)

    def test_statements_that_fail_leave_nothing(self):
        secrets = [self.canary() for _ in range(4)]
        self.sql.fault(f"CREATE SECRET nosuch.s AS '{secrets[0]}'")
        self.sql.fault(f"CREATE CONNECTION c TO AWS (ACCESS KEY ID = 'a', SECRET ACCESS KEY = '{secrets[1]}')")
        self.sql.fault(f"CREATE CONNECTION c TO AWS (SESSION TOKEN = '{secrets[2]}')")
        self.sql.fault(f"CREATE SECRET s AS '{secrets[3]}' AND MORE")
        self.expect_gone(*secrets[:3])

    def test_a_prepared_statement_is_gone_when_it_is_closed(self):
        secret = self.canary()
        text = f"CREATE SECRET s AS '{secret}'".encode()
        self.sql.send("P", b"one\0" + text + b"\0\0\0")
        self.sql.send("B", b"\0one\0\0\0\0\0\0\0")
        self.sql.send("E", b"\0\0\0\0\0")
        self.sql.send("C", b"Sone\0")
        self.sql.send("S")
        self.sql.receive_all()
        self.sql.query("DROP SECRET s")
        self.expect_gone(secret)

    def test_over_http_it_is_the_same(self):
        secret = self.canary()
        body = json.dumps({"query": f"CREATE SECRET s AS '{secret}'"})
        status, answer, _ = self.server.http("POST", "/api/sql", body, {"Content-Type": "application/json"})
        self.assertEqual(status, 200, answer)
        self.sql.query("DROP SECRET s")
        self.expect_gone(secret)

    def test_an_inline_session_token_is_gone_with_its_connection(self):
        secret, token = self.canary(), self.canary()
        self.sql.query(f"CREATE SECRET s AS '{secret}'")
        self.connect(secret, f", SESSION TOKEN = '{token}'")
        # The store does not know it, but gets it.
        self.sql.fault(f"COPY (SELECT 1) TO '{self.store.url('p')}' WITH (AWS CONNECTION = c, FORMAT = 'csv')")
        self.sql.query("DROP CONNECTION c")
        self.sql.query("DROP SECRET s")
        self.expect_gone(secret, token)

    def test_a_roles_sessions_are_gone_with_their_connection(self):
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": self.user},
                                                         "Action": "sts:AssumeRole"}]}
        arn = self.store.tell("role", "r", json.dumps(trust))
        self.sql.query(f"CREATE CONNECTION c TO AWS (ASSUME ROLE ARN = '{arn}', ENDPOINT = '{self.store.endpoint}', "
                       f"REGION = '{self.store.region}')")
        self.sql.query(f"COPY (SELECT 1) TO '{self.store.url('r')}' WITH (AWS CONNECTION = c, FORMAT = 'csv')")
        self.expect_held("session/token=")
        self.sql.query("DROP CONNECTION c")
        self.expect_gone("session/token=", "session/secret+")


if __name__ == "__main__":
    harness.main()
