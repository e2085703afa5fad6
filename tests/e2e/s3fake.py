"""The strict S3 server of tests/s3fake as a process of its own, driven over its standard input. It
has the names that harness.create_connection() asks a bucket for."""

import os
import pathlib
import subprocess
import threading

import harness
import s3

PROGRAM = os.environ.get("SLUICE_TEST_S3FAKE", str(
    pathlib.Path(harness.BINARY).resolve().parents[2] / "tests" / "s3fake" / "s3fake_server"))


class FakeS3:
    def __init__(self):
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lock = threading.Lock()
        self.endpoint, self.key, self.secret, self.region, self.name = self.process.stdout.readline().split()

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def tell(self, *words):
        with self.lock:
            print(*words, file=self.process.stdin, flush=True)
            return self.process.stdout.readline().rstrip("\n")

    def do(self, *words):
        answer = self.tell(*words)
        assert answer == "ok", (words, answer)

    def objects(self):
        return self.tell("objects").split()

    def uploads(self):
        return self.tell("uploads").split()

    def is_empty(self):
        return not self.objects() and not self.uploads()

    def url(self, prefix):
        return f"s3://{self.name}/{prefix}"
