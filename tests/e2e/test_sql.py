#!/usr/bin/python3
"""Runs tests/sql/*.sql, each against a server of its own. A file is a list of blocks between blank
lines; # begins a comment.

    SELECT a, b FROM t ORDER BY a      the statement, of any number of lines
    ----
    1|x                                a line a row, columns between |, NULL and (empty) spelled so
    2|NULL

Instead of rows:
    (no rows)
    ok INSERT 0 2                      a command and its tag
    error                              any error but XX000, which is a bug's
    error 42P01                        an error's SQLSTATE; with `: TEXT` its whole message too, and
    error 42P01: relation "t" ...      with ` ...` at the end only how the message begins
Before the rows there may be `names a|b` and `types 23|25` (the columns' oids)."""

import pathlib
import sys
import unittest

import harness
import wire

FOLDER = harness.ROOT / "tests" / "sql"


def blocks(path):
    """(line number, statement, expected lines)"""
    found, begin, lines = [], 0, []
    for number, line in enumerate(path.read_text().splitlines() + [""], 1):
        if line.startswith("#"):
            continue
        if line.strip():
            begin = begin or number
            lines.append(line)
        elif lines:
            if "----" not in lines:
                raise ValueError(f"{path.name}:{begin}: a block without ----")
            cut = lines.index("----")
            found.append((begin, "\n".join(lines[:cut]), lines[cut + 1:]))
            begin, lines = 0, []
    return found


def shown(value):
    return "NULL" if value is None else value if value else "(empty)"


def answer(connection, sql, wanted):
    """What the server says, in the words of the file."""
    try:
        result = connection.query(sql)
    except wire.Fault as fault:
        return [f"error {fault.sqlstate}: {fault.message}"]
    if not result.columns:
        return ["ok " + result.tag]
    head = []
    if any(line.startswith("names ") for line in wanted[:2]):
        head.append("names " + "|".join(result.columns))
    if any(line.startswith("types ") for line in wanted[:2]):
        head.append("types " + "|".join(map(str, result.types)))
    rows = "\n".join("|".join(map(shown, row)) for row in result.rows).split("\n")
    return head + (rows if result.rows else ["(no rows)"])


def agree(wanted, got):
    if wanted == ["error"]:
        return got[0].startswith("error ") and not got[0].startswith("error XX000")
    if len(wanted) == 1 and wanted[0].startswith("error ") and len(got) == 1:
        if wanted[0].endswith(" ..."):
            return got[0].startswith(wanted[0][:-4])
        return got[0] == wanted[0] or got[0].split(":")[0] == wanted[0]
    return wanted == got


class Files(unittest.TestCase):
    def run_file(self, path):
        server = harness.Server()
        self.addCleanup(server.close)
        connection = server.wire()
        self.addCleanup(connection.close)
        wrong, count = [], 0
        for line, sql, wanted in blocks(path):
            count += 1
            try:
                got = answer(connection, sql, wanted)
            except (OSError, ConnectionError) as error:
                self.fail(f"{path.name}:{line}: {sql}\nthe connection broke: {error}\n{server.log()[-3000:]}")
            if not agree(wanted, got):
                wrong.append(f"{path.name}:{line}: {sql}\n  expected:\n    " + "\n    ".join(wanted) +
                             "\n  got:\n    " + "\n    ".join(got))
        if wrong:
            self.fail(f"{len(wrong)} of {count} statements differ\n" + "\n".join(wrong))


def add(path):
    setattr(Files, "test_" + path.stem, lambda self: self.run_file(path))


for file in sorted(FOLDER.glob("*.sql")):
    add(file)

if __name__ == "__main__":
    harness.main()
