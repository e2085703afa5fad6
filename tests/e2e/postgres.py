"""A PostgreSQL to compare with: for a test of its own, gone with it."""

import os
import pathlib
import pwd
import shutil
import subprocess

POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")


class Postgres:
    """A PostgreSQL 15 of our own, without the network and without care for its disk."""

    def __init__(self, folder):
        self.folder = folder
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(folder, self.user)
        os.chmod(folder, 0o755)
        self.run("initdb", "-D", f"{folder}/data", "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
        self.run("pg_ctl", "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o",
                 f"-c listen_addresses= -k {folder} -c fsync=off -c timezone=UTC", "start")

    def run(self, program, *arguments):
        prefix = ["runuser", "-u", self.user, "--"] if os.geteuid() == 0 else []
        subprocess.run([*prefix, POSTGRES / program, *arguments], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, cwd="/", timeout=120)

    def psql(self, sql, data=b""):
        done = subprocess.run(["psql", "-X", "-h", self.folder, "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1",
                               "-Atc", sql], input=data, capture_output=True, timeout=120)
        if done.returncode != 0:
            raise AssertionError(f"{sql[:200]}: {done.stderr.decode()[:2000]}")
        return done.stdout.decode()

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
