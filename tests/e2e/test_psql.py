#!/usr/bin/python3
"""psql as a person uses it."""

import os
import pty
import select
import signal
import subprocess
import tempfile

import harness
from wire import wait_until


class Psql(harness.ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.psql(sql="""
            CREATE TABLE flights (id integer NOT NULL, origin text DEFAULT 'NIX', delay numeric(6,1), PRIMARY KEY (id));
            INSERT INTO flights VALUES (1, 'SFO', 1.5), (2, 'JFK', NULL), (3, 'SFO', -2);
            CREATE VIEW delays AS SELECT origin, sum(delay) AS total FROM flights GROUP BY origin;
            CREATE SCHEMA lake;
            CREATE TABLE lake.other (x text);""")

    def lines(self, *arguments, **options):
        return self.server.psql("-At", *arguments, **options).stdout.splitlines()

    def test_queries_print_their_rows(self):
        out = self.server.psql("-c", "SELECT * FROM flights ORDER BY id").stdout
        self.assertEqual(out, " id | origin | delay \n----+--------+-------\n  1 | SFO    |   1.5\n  2 | JFK    |      \n"
                              "  3 | SFO    |  -2.0\n(3 rows)\n\n")
        self.assertEqual(self.lines("-c", "SELECT origin, total FROM delays ORDER BY 1"), ["JFK|", "SFO|-0.5"])

    def test_commands_print_their_tags(self):
        out = self.server.psql("-c", "CREATE TABLE tags (x int)", "-c", "INSERT INTO tags VALUES (1), (2)",
                               "-c", "UPDATE tags SET x = 3", "-c", "DELETE FROM tags", "-c", "DROP TABLE tags").stdout
        self.assertEqual(out.split("\n"), ["CREATE TABLE", "INSERT 0 2", "UPDATE 2", "DELETE 2", "DROP TABLE", ""])

    def test_errors_show_their_place(self):
        done = self.server.psql("-c", "SELECT id,\n nosuch FROM flights", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, 'ERROR:  column "nosuch" does not exist\nLINE 2:  nosuch FROM flights\n         ^\n')

    def test_backslash_l(self):
        self.assertIn("materialize", [line.split("|")[0] for line in self.lines("-c", r"\l")])

    def test_backslash_dn(self):
        names = [line.split("|")[0] for line in self.lines("-c", r"\dn")]
        self.assertIn("public", names)
        self.assertIn("lake", names)

    def test_backslash_d(self):
        found = [line.split("|")[:3] for line in self.lines("-c", r"\d")]
        self.assertIn(["public", "flights", "table"], found)
        self.assertIn(["public", "delays", "view"], found)

    def test_backslash_dt_and_dv(self):
        self.assertEqual([line.split("|")[:3] for line in self.lines("-c", r"\dt")], [["public", "flights", "table"]])
        self.assertEqual([line.split("|")[:3] for line in self.lines("-c", r"\dv")], [["public", "delays", "view"]])
        self.assertEqual([line.split("|")[:3] for line in self.lines("-c", r"\dt lake.*")], [["lake", "other", "table"]])

    def test_backslash_d_of_a_table(self):
        lines = self.lines("-c", r"\d flights")
        columns = [line.split("|") for line in lines if line.count("|") >= 4]
        self.assertEqual([[c[0], c[1], c[3]] for c in columns],
                         [["id", "integer", "not null"], ["origin", "text", ""], ["delay", "numeric(6,1)", ""]])
        self.assertIn("NIX", columns[1][4])

    def test_backslash_d_of_a_view(self):
        columns = [line.split("|")[:2] for line in self.lines("-c", r"\d delays") if line.count("|") >= 4]
        self.assertEqual(columns, [["origin", "text"], ["total", "numeric"]])

    def test_backslash_d_of_nothing(self):
        done = self.server.psql("-c", r"\d nosuch", check=False)
        self.assertIn('Did not find any relation named "nosuch".', done.stderr)

    def test_others_of_the_family_do_not_fail(self):
        for command in (r"\dn+", r"\dt+", r"\dv+", r"\d+ flights", r"\d+ delays", r"\di", r"\ds", r"\dm", r"\du", r"\df",
                        r"\dT", r"\conninfo", r"\d+", r"\dp", r"\db", r"\dx"):
            with self.subTest(command):
                done = self.server.psql("-c", command, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(done.stderr, ("", "Did not find any relations.\n"))

    def test_what_is_never_there_is_listed_empty(self):
        commands = ("dAc dAf dAo dAp db dc dC dd dD ddp dE des det deu dew df dF dFd dFp dFt dg di dl dL dm dn do dO dp dP "
                    "drds dRp dRs ds dt dT du dv dx dX dy l z").split()
        for command in [f"\\{name}{plus} {pattern}" for name in commands for plus in ("", "+")
                        for pattern in ("", "flights", "pg_catalog.b*")]:
            with self.subTest(command):
                self.assertNotIn("ERROR", self.server.psql("-c", command, check=False).stderr)

    def test_copy_reads_and_writes_files(self):
        with tempfile.TemporaryDirectory() as folder:
            source, target = f"{folder}/in.csv", f"{folder}/out.csv"
            with open(source, "w") as file:
                file.write("id,origin\n10,ORD\n11,\"a,b\"\n12,\n")
            out = self.server.psql("-c", "CREATE TABLE copied (id int, origin text)",
                                   "-c", rf"\copy copied FROM '{source}' CSV HEADER",
                                   "-c", rf"\copy (SELECT * FROM copied ORDER BY id) TO '{target}' CSV HEADER").stdout
            self.assertEqual(out.split("\n"), ["CREATE TABLE", "COPY 3", "COPY 3", ""])
            with open(target) as written, open(source) as read:
                self.assertEqual(written.read(), read.read())

    def test_a_script_is_one_transaction_when_asked(self):
        done = self.server.psql("-1", sql="CREATE TABLE script (x int); INSERT INTO script VALUES (1); SELECT nosuch;",
                                check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.sql.fault("SELECT * FROM script").sqlstate, "42P01")

    def test_fetch_count_reads_through_a_cursor(self):
        out = self.lines("-v", "FETCH_COUNT=100", "-c", "SELECT g.i FROM generate_series(1, 1000) AS g(i)")
        self.assertEqual(len(out), 1000)

    def test_ctrl_c_cancels_the_statement(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = subprocess.Popen(
            ["psql", "-X", "-n", "-e", "-A", "-t", "-h", self.server.host, "-p", str(self.server.port), "-U", "materialize",
             "-d", "materialize"], stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "LC_ALL": "C.UTF-8"})
        os.close(slave)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.kill)
        seen = []

        def shows(text, times=1):
            """Whether the terminal has shown `text`, after waiting a moment for more."""
            if select.select([master], [], [], 0.3)[0]:
                seen.append(os.read(master, 65536).decode())
            return "".join(seen).count(text) >= times

        wait_until(lambda: shows("materialize=>") or shows("materialize=#"), "the prompt")
        os.write(master, b"SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b;\n")
        # Once by the terminal, once by psql (-e) when it sends it; a signal before would drop the line.
        wait_until(lambda: shows("SELECT count(*)", times=2), "the statement's begin")

        def cancelled():
            process.send_signal(signal.SIGINT)
            return shows("ERROR:  canceling statement due to user request")

        wait_until(cancelled, "the end of the statement")

        def answers():
            # A signal too many may have dropped the line or cancelled it, so it is repeated too.
            os.write(master, b"SELECT 6 * 7;\n")
            return shows("\n42\r\n")

        wait_until(answers, "the next statement's rows")


if __name__ == "__main__":
    harness.main()
