"""A PostgreSQL 15 of a benchmark's own, reached through a socket in a folder of its own."""

import os
import pathlib
import shutil
import subprocess
import tempfile

BINARIES = pathlib.Path("/usr/lib/postgresql/15/bin")


def is_installed():
    return (BINARIES / "postgres").exists()


class Postgres:
    """Started with these settings ("fsync=off"), gone with its data at the end."""

    def __init__(self, *settings):
        self.settings = settings
        self.as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench_pg."))
        if self.as_postgres:
            shutil.chown(self.folder, "postgres")
        self.folder.chmod(0o755)
        self.run("initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
        options = " ".join(f"-c {setting}" for setting in self.settings)
        self.run("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o",
                 f"-c listen_addresses= -k {self.folder} {options}", "start")
        return self

    def __exit__(self, *_):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, program, *arguments, check=True):
        subprocess.run([*self.as_postgres, BINARIES / program, *arguments], check=check, stdout=subprocess.DEVNULL,
                       cwd="/")

    def psql(self, sql, **streams):
        subprocess.run(["psql", "-X", "-q", "-h", self.folder, "-U", "postgres", "-c", sql], check=True, **streams)
