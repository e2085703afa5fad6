#!/usr/bin/python3
"""COPY TO 'file:///…': only below folders that the server was started with."""

import os
import pathlib
import shutil
import tempfile

import harness


class CopyToFile(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="sluice-export-")).resolve()
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.allowed, cls.outside = cls.root / "allowed", cls.root / "outside"
        cls.allowed.mkdir()
        cls.outside.mkdir()
        cls.arguments = ("--local-export-dir", str(cls.allowed))
        super().setUpClass()
        with cls.server.wire() as connection:
            connection.query("CREATE TABLE t (a int, b text)")
            connection.query("INSERT INTO t VALUES (1, 'x'), (2, 'y')")

    def copy(self, path, form="csv", more=""):
        return f"COPY t TO 'file://{path}' WITH (FORMAT = '{form}'{more})"

    def test_files_appear_whole(self):
        for form in ("csv", "parquet"):
            path = self.allowed / "a" / form
            self.assertEqual(self.sql.query(self.copy(path, form)).tag, "COPY 2")
            names = sorted(os.listdir(path))
            for name in names:
                self.assertRegex(name, rf"^mz-t\d+-batch-\d{{4}}-\d{{4}}\.{form}$")
            if form == "csv":
                self.assertEqual(sorted("".join((path / n).read_text() for n in names).splitlines()), ["1,x", "2,y"])

    def test_the_path_must_be_empty(self):
        path = self.allowed / "full"
        path.mkdir()
        (path / "other").write_text("x")
        self.assert_fault(self.copy(path), message="path is not empty, contains 1 objects")

    def test_nothing_goes_outside(self):
        (self.allowed / "link").symlink_to(self.outside)
        for path in (self.outside / "x", self.allowed / ".." / "outside" / "x", self.allowed / "link" / "x",
                     self.allowed / "a%2e%2e" / ".." / ".." / "outside", "/etc/sluice", f"{self.allowed}2/x", self.server.data_dir + "/x"):
            with self.subTest(str(path)):
                self.sql.fault(self.copy(path))
        self.assertEqual(os.listdir(self.outside), [])

    def test_a_connection_is_not_accepted(self):
        self.sql.query("CREATE SECRET s AS 'x'")
        self.sql.query("CREATE CONNECTION c TO AWS (ACCESS KEY ID = 'k', SECRET ACCESS KEY = SECRET s)")
        self.sql.fault(self.copy(self.allowed / "c", more=", AWS CONNECTION = c"))

    def test_an_error_leaves_nothing(self):
        path = self.allowed / "failed"
        self.assert_fault(f"COPY (SELECT 1 / (a - 2) FROM t) TO 'file://{path}' WITH (FORMAT = 'csv')", "22012")
        self.assertEqual(list(path.glob("*")) if path.exists() else [], [])


class WithoutFolders(harness.ServerTest):
    def test_no_folder_no_file(self):
        with tempfile.TemporaryDirectory() as folder:
            self.sql.fault(f"COPY (SELECT 1) TO 'file://{folder}/x' WITH (FORMAT = 'csv')")
            self.assertEqual(os.listdir(folder), [])


if __name__ == "__main__":
    harness.main()
