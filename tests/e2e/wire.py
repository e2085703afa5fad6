"""PostgreSQL's protocol 3.0 by hand, as thin as a test needs: it shows every message as it came, and
can send what no driver would."""

import collections
import socket
import struct
import time

Message = collections.namedtuple("Message", "type body")


class Fault(Exception):
    """An ErrorResponse; `fields` by their one-letter names."""

    def __init__(self, fields):
        super().__init__(f"{fields.get('C')}: {fields.get('M')}")
        self.fields = fields
        self.sqlstate, self.message = fields.get("C"), fields.get("M")


Result = collections.namedtuple("Result", "columns types rows tag")


def fields_of(body):
    fields = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode()
    return fields


def row_of(body):
    count, at, row = struct.unpack_from("!h", body)[0], 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        row.append(None if length < 0 else body[at:at + length])
        at += max(length, 0)
    return row


def description_of(body):
    count, at, columns = struct.unpack_from("!h", body)[0], 2, []
    for _ in range(count):
        end = body.index(b"\0", at)
        name = body[at:end].decode()
        _, _, oid, _, _, form = struct.unpack_from("!ihihih", body, end + 1)
        columns.append((name, oid, form))
        at = end + 19
    return columns


def startup_bytes(**parameters):
    body = struct.pack("!i", 196608)
    for name, value in parameters.items():
        body += name.encode() + b"\0" + value.encode() + b"\0"
    body += b"\0"
    return struct.pack("!i", len(body) + 4) + body


class Wire:
    def __init__(self, host, port, startup=True, user="materialize", database="materialize", **more):
        self.socket = socket.create_connection((host, port), timeout=60)
        self.buffer = b""
        self.parameters, self.notices, self.key, self.status = {}, [], None, None
        if startup:
            self.socket.sendall(startup_bytes(user=user, database=database, **more))
            self.until_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- messages ----
    def send(self, kind, body=b""):
        self.socket.sendall(packed(kind, body))

    def read_exactly(self, count):
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self.buffer += data
        head, self.buffer = self.buffer[:count], self.buffer[count:]
        return head

    def receive(self):
        """The next message that is an answer; notices and parameters are put aside."""
        while True:
            kind, length = struct.unpack("!ci", self.read_exactly(5))
            message = Message(kind.decode(), self.read_exactly(length - 4))
            if message.type == "N":
                self.notices.append(fields_of(message.body))
            elif message.type == "S":
                name, value, _ = message.body.split(b"\0")
                self.parameters[name.decode()] = value.decode()
            elif message.type == "K":
                self.key = message.body
            else:
                if message.type == "Z":
                    self.status = message.body.decode()
                return message

    def receive_all(self):
        """Messages up to ReadyForQuery, which is not among them."""
        messages = []
        while True:
            message = self.receive()
            if message.type == "Z":
                return messages
            messages.append(message)

    def until_ready(self):
        """Messages up to ReadyForQuery; the first error is raised after it."""
        messages, fault = [], None
        while True:
            message = self.receive()
            if message.type == "E":
                fault = fault or Fault(fields_of(message.body))
                if self.status is None:  # an error at the start ends the connection
                    raise fault
            elif message.type == "Z":
                if fault:
                    raise fault
                return messages
            else:
                messages.append(message)

    # ---- whole statements ----
    def results(self, sql):
        """Results of a simple query, one for each of its statements, values as text."""
        self.send("Q", sql.encode() + b"\0")
        return collect(self.until_ready())

    def query(self, sql):
        return self.results(sql)[-1]

    def rows(self, sql):
        return self.query(sql).rows

    def value(self, sql):
        ((value,),) = self.rows(sql)
        return value

    def fault(self, sql):
        """The error that a statement must give."""
        try:
            results = self.results(sql)
        except Fault as fault:
            return fault
        raise AssertionError(f"no error but {results} from: {sql}")

    def copy_in(self, sql, data, fail=None):
        self.send("Q", sql.encode() + b"\0")
        first = self.receive()
        if first.type == "E":
            fault = Fault(fields_of(first.body))
            self.receive_all()
            raise fault
        assert first.type == "G", first
        for chunk in data:
            self.send("d", chunk)
        if fail is None:
            self.send("c")
        else:
            self.send("f", fail.encode() + b"\0")
        return collect(self.until_ready())[-1]

    def copy_out(self, sql):
        self.send("Q", sql.encode() + b"\0")
        return b"".join(m.body for m in self.until_ready() if m.type == "d")


def packed(kind, body=b""):
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def collect(messages):
    results, columns, types, rows = [], [], [], []
    for message in messages:
        if message.type == "T":
            described = description_of(message.body)
            columns, types = [c[0] for c in described], [c[1] for c in described]
        elif message.type == "D":
            rows.append([None if v is None else v.decode() for v in row_of(message.body)])
        elif message.type in "CI":
            tag = message.body[:-1].decode() if message.type == "C" else ""
            results.append(Result(columns, types, rows, tag))
            columns, types, rows = [], [], []
    return results


def cancel(host, port, key):
    """Sends a CancelRequest and waits until the server has taken it."""
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall(struct.pack("!ii", 16, 80877102) + key)
        connection.recv(1)


def wait_until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)
