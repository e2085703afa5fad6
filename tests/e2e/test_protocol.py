#!/usr/bin/python3
"""The protocol, message by message: what drivers rely on and what none would send."""

import socket
import struct
import threading
import time

import harness
import wire
from wire import packed, wait_until


def parse(name, sql, *oids):
    return packed("P", name.encode() + b"\0" + sql.encode() + b"\0" +
                  struct.pack(f"!h{len(oids)}i", len(oids), *oids))


def bind(portal, name, values=(), formats=(), results=()):
    body = portal.encode() + b"\0" + name.encode() + b"\0"
    body += struct.pack(f"!h{len(formats)}h", len(formats), *formats)
    body += struct.pack("!h", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return packed("B", body + struct.pack(f"!h{len(results)}h", len(results), *results))


def execute(portal="", limit=0):
    return packed("E", portal.encode() + b"\0" + struct.pack("!i", limit))


def describe(kind, name):
    return packed("D", kind.encode() + name.encode() + b"\0")


SYNC, FLUSH = packed("S"), packed("H")


class Protocol(harness.ServerTest):
    def exchange(self, *messages):
        """Sends all, returns the answers up to ReadyForQuery."""
        self.sql.socket.sendall(b"".join(messages))
        return self.sql.receive_all()

    def types(self, messages):
        return "".join(m.type for m in messages)

    def fault_in(self, messages):
        (fault,) = [wire.Fault(wire.fields_of(m.body)) for m in messages if m.type == "E"]
        return fault

    # ---- start ----
    def test_start_reports_parameters_and_a_key(self):
        for name in ("server_version", "server_encoding", "client_encoding", "DateStyle", "TimeZone",
                     "integer_datetimes", "standard_conforming_strings"):
            self.assertIn(name, self.sql.parameters)
        self.assertEqual(self.sql.parameters["client_encoding"], "UTF8")
        self.assertEqual(self.sql.parameters["integer_datetimes"], "on")
        self.assertEqual(self.sql.parameters["standard_conforming_strings"], "on")
        self.assertEqual(len(self.sql.key), 8)
        self.assertEqual(self.sql.status, "I")

    def test_any_user_may_come_but_to_one_database_only(self):
        self.server.wire(user="somebody").close()
        with self.assertRaises(wire.Fault) as caught:
            self.server.wire(database="nosuch")
        self.assertEqual(caught.exception.sqlstate, "3D000")
        self.assertEqual(caught.exception.message, 'database "nosuch" does not exist')

    def test_ssl_and_gss_requests_are_answered_no(self):
        for code in (80877103, 80877104):
            with self.server.wire(startup=False) as connection:
                connection.socket.sendall(struct.pack("!ii", 8, code))
                self.assertEqual(connection.read_exactly(1), b"N")
                connection.socket.sendall(wire.startup_bytes(user="u", database="materialize"))
                connection.until_ready()
                self.assertEqual(connection.value("SELECT 1"), "1")

    def test_start_parameters_become_settings(self):
        with self.server.wire(application_name="me") as connection:
            self.assertEqual(connection.value("SHOW application_name"), "me")

    # ---- malformed ----
    def assert_ends(self, connection):
        """The server closes the connection; an error may come before."""
        connection.socket.settimeout(20)
        try:
            while connection.socket.recv(65536):
                pass
        except ConnectionResetError:
            pass
        self.assertEqual(self.server.wire().value("SELECT 1"), "1")

    def test_malformed_bytes_end_that_connection_only(self):
        cases = {
            "garbage": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "a length below its own size": struct.pack("!i", 3),
            "a huge length": struct.pack("!ii", 0x7fffffff, 196608),
            "an unknown protocol": struct.pack("!ii", 8, 12345),
            "parameters without their end": struct.pack("!ii", 12, 196608) + b"user",
        }
        for name, data in cases.items():
            with self.subTest(name), self.server.wire(startup=False) as connection:
                connection.socket.sendall(data)
                self.assert_ends(connection)
        cases = {
            "an unknown message": packed("!", b""),
            "a negative length": b"Q" + struct.pack("!i", -5),
            "an oversized message": b"Q" + struct.pack("!i", 0x7ffffff0),
            "a query without its end": packed("Q", b"SELECT 1"),
            "a bind that ends early": parse("", "SELECT 1") + packed("B", b"\0\0\0\1"),
            "a parse with too many types": packed("P", b"\0SELECT 1\0" + struct.pack("!h", 30000)),
        }
        for name, data in cases.items():
            with self.subTest(name), self.server.wire() as connection:
                connection.socket.sendall(data + (SYNC if name.startswith(("a bind", "a parse", "a query")) else b""))
                message = connection.receive()
                if message.type == "1":
                    message = connection.receive()
                self.assertEqual(message.type, "E")
                fault = wire.Fault(wire.fields_of(message.body))
                # protocol_violation; where a bound of ours is passed, program_limit_exceeded does as well
                self.assertIn(fault.sqlstate, ("08P01", "54000") if "oversized" in name else ("08P01",), fault)
                self.assertIn(fault.fields["S"], ("ERROR", "FATAL"))
                if fault.fields["S"] == "FATAL":
                    self.assert_ends(connection)

    def test_text_that_is_no_utf8_is_refused(self):
        self.sql.send("Q", b"SELECT '\xff\xfe'\0")
        fault = self.fault_in(self.sql.receive_all())
        self.assertEqual(fault.sqlstate, "22021")
        self.assertEqual(self.sql.value("SELECT 1"), "1")

    # ---- simple queries ----
    def test_several_statements_give_several_results(self):
        results = self.sql.results("SELECT 1; SELECT 2, 3; ")
        self.assertEqual([r.rows for r in results], [[["1"]], [["2", "3"]]])
        self.assertEqual([r.tag for r in results], ["SELECT 1", "SELECT 1"])

    def test_an_empty_query_is_answered(self):
        for text in ("", "  ", "-- only a comment", ";"):
            self.sql.send("Q", text.encode() + b"\0")
            self.assertEqual(self.types(self.sql.receive_all()), "I", repr(text))

    def test_errors_tell_severity_and_position(self):
        fault = self.sql.fault("SELECT 1 +\n  nosuch")
        self.assertEqual((fault.fields["S"], fault.fields["V"], fault.sqlstate), ("ERROR", "ERROR", "42703"))
        self.assertEqual(fault.fields["P"], "14")

    def test_a_text_of_several_is_one_transaction(self):
        self.sql.query("CREATE TABLE one (x int)")
        self.sql.fault("INSERT INTO one VALUES (1); SELECT nosuch")
        self.assertEqual(self.sql.value("SELECT count(*) FROM one"), "0")
        self.assertEqual(self.sql.status, "I")

    def test_the_status_follows_the_transaction(self):
        self.sql.query("BEGIN")
        self.assertEqual(self.sql.status, "T")
        self.sql.fault("SELECT nosuch")
        self.assertEqual(self.sql.status, "E")
        self.assertEqual(self.sql.fault("SELECT 1").sqlstate, "25P02")
        self.assertEqual(self.sql.query("ROLLBACK").tag, "ROLLBACK")
        self.assertEqual(self.sql.status, "I")

    # ---- extended queries ----
    def test_a_prepared_statement_is_described_bound_and_run(self):
        messages = self.exchange(parse("s", "SELECT $1::int + 1 AS n, $2::text AS t"), describe("S", "s"), SYNC)
        self.assertEqual(self.types(messages), "1tT")
        self.assertEqual(struct.unpack("!hii", messages[1].body), (2, 23, 25))
        self.assertEqual([c[:2] for c in wire.description_of(messages[2].body)], [("n", 23), ("t", 25)])
        for number in (1, 41):
            messages = self.exchange(bind("", "s", [str(number).encode(), None]), execute(), SYNC)
            self.assertEqual(self.types(messages), "2DC")
            self.assertEqual(wire.row_of(messages[1].body), [str(number + 1).encode(), None])

    def test_values_go_and_come_in_binary(self):
        sql = "SELECT $1::int, $2::bigint, $3::float8, $4::bool, $5::text, $6::bytea"
        values = [struct.pack("!i", -7), struct.pack("!q", 1 << 40), struct.pack("!d", 2.5), b"\1", "ä".encode(), b"\0\xff"]
        messages = self.exchange(parse("", sql), bind("", "", values, [1], [1]), execute(), SYNC)
        self.assertEqual(self.types(messages), "12DC")
        self.assertEqual(wire.row_of(messages[2].body), values)

    def test_times_and_ids_come_in_binary(self):
        sql = ("SELECT date '2000-01-02', timestamp '2000-01-01 00:00:01', timestamptz '2000-01-01 00:00:01+00', "
               "time '00:00:01', uuid '00000000-0000-0000-0000-0000000000ff', 1::smallint, 1.5::real, interval '1 month 2 days 3 seconds'")
        messages = self.exchange(parse("", sql), bind("", "", results=[1]), execute(), SYNC)
        self.assertEqual(wire.row_of(messages[2].body), [
            struct.pack("!i", 1), struct.pack("!q", 1000000), struct.pack("!q", 1000000), struct.pack("!q", 1000000),
            b"\0" * 15 + b"\xff", struct.pack("!h", 1), struct.pack("!f", 1.5), struct.pack("!qii", 3000000, 2, 1)])

    def test_numeric_comes_in_binary(self):
        messages = self.exchange(parse("", "SELECT -12345.678::numeric(10,3), 0::numeric(4,2)"),
                                 bind("", "", results=[1]), execute(), SYNC)
        # ndigits, weight, sign, scale, digits in base 10000
        self.assertEqual(wire.row_of(messages[2].body), [
            struct.pack("!hhHh", 3, 1, 0x4000, 3) + struct.pack("!hhh", 1, 2345, 6780),
            struct.pack("!hhHh", 0, 0, 0, 2)])

    def test_a_row_limit_suspends_a_portal(self):
        messages = self.exchange(packed("Q", b"BEGIN\0"))
        messages = self.exchange(parse("", "SELECT * FROM generate_series(1, 5)"), bind("p", ""), execute("p", 2),
                                 execute("p", 2), execute("p", 2), SYNC)
        self.assertEqual(self.types(messages), "12DDsDDsDC")
        self.assertEqual(messages[-1].body, b"SELECT 1\0")
        self.sql.query("COMMIT")

    def test_after_an_error_messages_are_skipped_until_sync(self):
        messages = self.exchange(parse("", "SELECT nosuch"), bind("", ""), execute(), SYNC)
        self.assertEqual(self.types(messages), "E")
        messages = self.exchange(parse("", "SELECT 1"), bind("", ""), execute(), SYNC)
        self.assertEqual(self.types(messages), "12DC")

    def test_names_that_are_not_there_are_errors(self):
        self.assertEqual(self.fault_in(self.exchange(bind("", "nosuch"), SYNC)).sqlstate, "26000")
        self.assertEqual(self.fault_in(self.exchange(execute("nosuch"), SYNC)).sqlstate, "34000")
        self.assertEqual(self.types(self.exchange(packed("C", b"Snosuch\0"), SYNC)), "3")

    def test_a_name_is_prepared_once(self):
        self.exchange(parse("twice", "SELECT 1"), SYNC)
        self.assertEqual(self.fault_in(self.exchange(parse("twice", "SELECT 1"), SYNC)).sqlstate, "42P05")
        self.exchange(packed("C", b"Stwice\0"), SYNC)
        self.assertEqual(self.types(self.exchange(parse("twice", "SELECT 1"), SYNC)), "1")

    def test_a_statement_without_rows_has_no_description(self):
        messages = self.exchange(parse("", "CREATE TABLE quiet (x int)"), describe("S", ""), bind("", ""),
                                 describe("P", ""), execute(), SYNC)
        self.assertEqual(self.types(messages), "1tn2nC")
        self.assertEqual(messages[-1].body, b"CREATE TABLE\0")

    def test_flush_brings_answers_before_sync(self):
        self.sql.socket.sendall(parse("", "SELECT 1") + FLUSH)
        self.assertEqual(self.sql.receive().type, "1")
        self.exchange(SYNC)

    def test_parameters_of_an_insert_are_found(self):
        self.sql.query("CREATE TABLE found (a int, b text, c numeric)")
        messages = self.exchange(parse("", "INSERT INTO found VALUES ($1, $2, $3)"), describe("S", ""),
                                 bind("", "", [b"1", b"x", b"2.5"]), execute(), SYNC)
        self.assertEqual(self.types(messages), "1tn2C")
        self.assertEqual(struct.unpack("!hiii", messages[1].body), (3, 23, 25, 1700))
        self.assertEqual(self.sql.rows("SELECT * FROM found"), [["1", "x", "2.5"]])

    def test_a_value_that_does_not_fit_is_an_error(self):
        fault = self.fault_in(self.exchange(parse("", "SELECT $1::int"), bind("", "", [b"x"]), execute(), SYNC))
        self.assertEqual(fault.sqlstate, "22P02")

    # ---- COPY ----
    def test_copy_in_takes_rows_in_any_pieces(self):
        self.sql.query("CREATE TABLE pieces (a int, b text)")
        data = "".join(f"{i}\tline {i}\n" for i in range(1000)).encode()
        pieces = [data[i:i + 7] for i in range(0, len(data), 7)]
        self.assertEqual(self.sql.copy_in("COPY pieces FROM STDIN", pieces).tag, "COPY 1000")
        self.assertEqual(self.sql.rows("SELECT count(*), sum(a), max(b) FROM pieces"), [["1000", "499500", "line 999"]])

    def test_copy_understands_escapes_and_csv(self):
        self.sql.query("CREATE TABLE forms (a int, b text)")
        self.sql.copy_in("COPY forms FROM STDIN", [b"1\ttab\\tnew\\nline\\\\\n2\t\\N\n\\.\n"])
        self.sql.copy_in("COPY forms FROM STDIN WITH (FORMAT csv, HEADER)", [b'a,b\n3,"quoted ""x"", and\nline"\n4,\n5,""\n'])
        self.sql.copy_in("COPY forms (b, a) FROM STDIN WITH (FORMAT csv, DELIMITER ';', NULL 'nil')", [b"nil;6\nx;7\n"])
        self.assertEqual(self.sql.rows("SELECT * FROM forms ORDER BY a"), [
            ["1", "tab\tnew\nline\\"], ["2", None], ["3", 'quoted "x", and\nline'], ["4", None], ["5", ""],
            ["6", None], ["7", "x"]])

    def test_columns_that_copy_does_not_name_are_as_insert_has_them(self):
        self.sql.query("CREATE TABLE standards (i int, a int[] DEFAULT '{}', b int[] DEFAULT '{1,2}', c bytea DEFAULT '\\x', "
                       "d bytea DEFAULT '\\x00ff', e jsonb DEFAULT '{\"k\":  1, \"a\": \"\\u00e9\"}', f char(3) DEFAULT 'a', "
                       "g varchar(2) DEFAULT 'a    ', h text DEFAULT 'with  ''blanks''', n int)")
        self.sql.query("INSERT INTO standards (i) VALUES (1)")
        self.sql.copy_in("COPY standards (i) FROM STDIN", [b"2\n"])
        inserted, copied = (row[1:] for row in self.sql.rows("SELECT * FROM standards ORDER BY i"))
        self.assertEqual(copied, inserted)
        self.assertEqual(copied, ["{}", "{1,2}", "\\x", "\\x00ff", '{"a": "é", "k": 1}', "a  ", "a ", "with  'blanks'", None])
        self.sql.query("CREATE TABLE too_long (i int, c varchar(2) DEFAULT 'abc')")
        with self.assertRaises(wire.Fault) as caught:
            self.sql.copy_in("COPY too_long (i) FROM STDIN", [b"2\n"])
        self.assertEqual(caught.exception.sqlstate, "22001")

    def test_a_failed_copy_leaves_nothing(self):
        self.sql.query("CREATE TABLE none (a int, b varchar(5))")
        cases = {"22P02": b"1\tx\nno\ty\n", "22P04": b"1\tx\n2\n", "22001": b"1\tx\n2\txxxxxx\n"}
        contexts = {"22P02": 'COPY none, line 2, column a: "no"', "22P04": 'COPY none, line 2: "2"',
                    "22001": 'COPY none, line 2, column b: "xxxxxx"'}
        for sqlstate, data in cases.items():
            with self.assertRaises(wire.Fault) as caught:
                self.sql.copy_in("COPY none FROM STDIN", [data])
            self.assertEqual(caught.exception.sqlstate, sqlstate)
            # Where in the data, as PostgreSQL tells it.
            self.assertEqual(caught.exception.fields.get("W"), contexts[sqlstate])
        with self.assertRaises(wire.Fault) as caught:
            self.sql.copy_in("COPY none FROM STDIN", [b"1\tx\n"], fail="changed my mind")
        self.assertEqual(caught.exception.sqlstate, "57014")
        self.assertIn("changed my mind", caught.exception.message)
        self.assertEqual(self.sql.value("SELECT count(*) FROM none"), "0")

    def test_copy_out_writes_text_and_csv(self):
        self.sql.query("CREATE TABLE outward (a int, b text)")
        self.sql.query("INSERT INTO outward VALUES (1, 'x,\"y'), (2, NULL), (3, ''), (4, E'a\\tb')")
        sql = "(SELECT * FROM outward ORDER BY a)"
        self.assertEqual(self.sql.copy_out(f"COPY {sql} TO STDOUT"), b'1\tx,"y\n2\t\\N\n3\t\n4\ta\\tb\n')
        self.assertEqual(self.sql.copy_out(f"COPY {sql} TO STDOUT WITH (FORMAT csv, HEADER)"),
                         b'a,b\n1,"x,""y"\n2,\n3,""\n4,a\tb\n')
        self.assertEqual(len(self.sql.copy_out("COPY outward TO STDOUT").splitlines()), 4)

    # ---- cancel, slow clients ----
    def test_cancel_stops_what_runs_and_only_that(self):
        thread_result = []

        def run():
            thread_result.append(self.sql.fault(
                "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b"))

        thread = threading.Thread(target=run)
        thread.start()

        def cancelled():
            wire.cancel(self.server.host, self.server.port, self.sql.key)
            thread.join(0.1)
            return not thread.is_alive()

        wait_until(cancelled, "the query's end")
        self.assertEqual(thread_result[0].sqlstate, "57014")
        self.assertEqual(self.sql.value("SELECT 1"), "1")
        wrong = self.sql.key[:4] + bytes(b ^ 255 for b in self.sql.key[4:])
        wire.cancel(self.server.host, self.server.port, wrong)
        self.assertEqual(self.sql.value("SELECT 2"), "2")

    def memory(self):
        for line in open(f"/proc/{self.server.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024

    def test_a_slow_client_holds_up_nobody(self):
        self.sql.query("CREATE TABLE wide AS SELECT i, repeat('x', 1000) AS filler FROM generate_series(1, 300000) AS g(i)")
        self.sql.query("CREATE TABLE beside (x int)")
        before = self.memory()
        with self.server.wire() as slow:
            slow.send("Q", b"SELECT * FROM wide\0")
            self.assertEqual(slow.receive().type, "T")
            for i in range(200):
                self.sql.query(f"INSERT INTO beside VALUES ({i})")
            self.assertEqual(self.sql.value("SELECT count(*) FROM beside"), "200")
            # 300 MB would be the whole result.
            self.assertLess(self.memory() - before, 150 << 20)
            rows = 0
            for message in slow.until_ready():
                rows += message.type == "D"
            self.assertEqual(rows, 300000)

    def test_a_client_that_leaves_stops_its_query(self):
        with self.server.wire() as leaving:
            leaving.send("Q", b"SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b\0")
            wait_until(lambda: self.cpu_grows(), "the query's begin")
        wait_until(lambda: not self.cpu_grows(), "the query's end")

    def cpu_grows(self):
        """Whether the server works now: its processor time over a fifth of a second."""
        def ticks():
            return sum(map(int, open(f"/proc/{self.server.process.pid}/stat").read().rsplit(")", 1)[1].split()[11:13]))
        first = ticks()
        time.sleep(0.2)
        return ticks() - first > 3  # of 20; other processes may take most of the machine

    def test_many_connections_at_once(self):
        many = [self.server.wire() for _ in range(100)]
        for connection in many:
            connection.send("Q", b"SELECT 1\0")
        for connection in many:
            self.assertEqual(wire.collect(connection.until_ready())[0].rows, [["1"]])
            connection.close()

    def test_terminate_closes(self):
        with self.server.wire() as connection:
            connection.send("X")
            connection.socket.settimeout(10)
            self.assertEqual(connection.socket.recv(1), b"")


if __name__ == "__main__":
    harness.main()
