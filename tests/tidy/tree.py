#!/usr/bin/python3
"""The tree's own rules: who may include whom, what ARCHITECTURE.md says, and what must not be there."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SRC = ROOT / "src"

# Who may see DuckDB's headers, and which; everyone else goes through engine/chunk.h.
DUCKDB = {
    "engine": [""],
    "dataflow": [""],
    "sql": ["duckdb.hpp", "duckdb/parser/", "duckdb/planner/", "duckdb/common/"],
}
# What the others may name of DuckDB: how rows lie in a chunk. A header brings in more than it says,
# so what an include shows is not enough to look at.
WORDS_OF_CHUNKS = set("""
    PhysicalType LogicalType LogicalTypeId DecimalType ListType ArrayType MapType StructType child_list_t
    Value StringValue ListValue ArrayValue StructValue
    string_t list_entry_t hugeint_t date_t dtime_t interval_t timestamp_t timestamp_tz_t
    Vector VectorType UnifiedVectorFormat FlatVector DictionaryVector StringVector ListVector ArrayVector
    MapVector StructVector SelectionVector sel_t ValidityMask const_data_ptr_t
    vector Allocator
    """.split())  # the last two: what Chunk::Initialize() takes
# Single files that may see all of them, and why.
DUCKDB_FILES = {
    "sql/system/catalog_functions.cc": "registers the functions of the system relations",
}


def files(*patterns):
    """Files of the repository, committed or about to be."""
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
                         cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({ROOT / line for line in out.splitlines() if (ROOT / line).is_file()})


def arguments(call):
    """{KEYWORD: [values]} of the text between a CMake call's parentheses."""
    found, key = {}, ""
    for word in re.sub(r"#.*", "", call).split():
        if re.fullmatch(r"[A-Z_]+", word):
            key = word
            found.setdefault(key, [])
        else:
            found.setdefault(key, []).append(word)
    return found


def modules():
    """{folder: its module's arguments} in the order in which the build takes them."""
    found = {}
    for folder in build_order():
        text = (SRC / folder / "CMakeLists.txt").read_text()
        match = re.search(r"\bmodule\(\s*(\w+)(.*?)\)", text, re.S)
        assert match, f"src/{folder}/CMakeLists.txt has no module()"
        found[folder] = arguments(match[2])
    return found


def build_order():
    text = re.sub(r"#.*", "", (ROOT / "CMakeLists.txt").read_text())
    order = []
    for match in re.finditer(r"(?:set\(folders|list\(APPEND folders)\s+([^)]*)\)", text):
        order += match[1].split()
    return order


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
        if match:
            yield number, match[1]


def place(path, number):
    return f"{path.relative_to(ROOT)}:{number}"


class Tree(unittest.TestCase):
    maxDiff = None

    def assert_none(self, found, rule):
        self.assertFalse(found, rule + ":\n  " + "\n  ".join(map(str, found)))

    def test_a_folder_includes_only_what_it_uses(self):
        known, wrong = modules(), []
        for path in files("src/*.h", "src/*.cc"):
            folder = path.relative_to(SRC).parts[0]
            if folder not in known:
                continue
            allowed = {folder, *known[folder].get("USES", [])}
            if path.stem.endswith("_test") or path.stem.endswith("_fuzzer"):
                allowed |= {link.removeprefix("sluice_") for link in known[folder].get("TEST_LINKS", [])}
            for number, name in includes(path):
                other = name.split("/")[0]
                if "/" in name and (SRC / other).is_dir() and other not in allowed:
                    wrong.append(f"{place(path, number)} includes {name}, but {folder} does not use {other}")
        self.assert_none(wrong, "includes that no USES names")

    def test_a_folder_uses_only_folders_above_it(self):
        order, wrong = build_order(), []
        for folder, given in modules().items():
            above = order[:order.index(folder)]
            wrong += [f"{folder} uses {used}, which is not above it" for used in given.get("USES", [])
                      if used not in above]
        self.assert_none(wrong, "uses that go down, or round")

    def test_only_some_folders_see_duckdb(self):
        wrong = []
        for path in files("src/*.h", "src/*.cc"):
            folder = path.relative_to(SRC).parts[0]
            if path.stem.endswith("_test") or str(path.relative_to(SRC)) in DUCKDB_FILES:
                continue  # a test may build by hand what its folder gets from elsewhere
            for number, name in includes(path):
                if name.split("/")[0] not in ("duckdb", "duckdb.hpp", "duckdb.h"):
                    continue
                if not any(name.startswith(prefix) for prefix in DUCKDB.get(folder, [])):
                    wrong.append(f"{place(path, number)}: {name}")
        self.assert_none(wrong, "DuckDB's headers are seen through engine/chunk.h here")

    def test_others_name_nothing_of_duckdb_but_chunks(self):
        wrong = []
        for path in files("src/*.h", "src/*.cc"):
            if path.relative_to(SRC).parts[0] in DUCKDB or path.stem.endswith("_test"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                code = line.split("//")[0]
                named = set(re.findall(r"\bduckdb::(\w+)", code)) | set(re.findall(r"\b(namespace duckdb)\b", code))
                wrong += [f"{place(path, number)}: {name}" for name in sorted(named - WORDS_OF_CHUNKS)]
        self.assert_none(wrong, "names of DuckDB's that are for the engine, dataflow and sql")

    def test_architecture_names_every_folder_in_the_order_of_the_build(self):
        page = (ROOT / "ARCHITECTURE.md").read_text()
        rows = re.findall(r"^\| `src/(\w+)` \|", page, re.M)
        there = sorted(p.name for p in SRC.iterdir() if p.is_dir() and files(f"src/{p.name}/*"))
        self.assertEqual(sorted(rows), there, "the table of folders")
        order = [folder for folder in build_order() if folder in rows]
        self.assertEqual([row for row in rows if row in order], order, "the table's order")

    def test_every_source_is_built(self):
        wrong = []
        for path in files("src/*.cc"):
            folder = SRC / path.relative_to(SRC).parts[0]
            lists = "".join(p.read_text() for p in [*folder.rglob("CMakeLists.txt"), *folder.rglob("*.cmake")])
            if not re.search(r"(?<!\w)" + re.escape(path.name), lists):
                wrong.append(path.relative_to(ROOT))
        self.assert_none(wrong, "sources that no target has")

    def test_headers_are_included_once(self):
        wrong = [p.relative_to(ROOT) for p in files("src/*.h", "tests/*.h", "bench/*.h") if "#pragma once" not in p.read_text()]
        self.assert_none(wrong, "headers without #pragma once")

    def test_security_names_tests_that_exist(self):
        there = set()
        for path in files("src/*_test.cc", "tests/*_test.cc"):
            there |= {".".join(found) for found in re.findall(r"^TEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)", path.read_text(), re.M)}
        for path in files("tests/e2e/test_*.py"):
            there |= {f"{path.stem}.{name}" for name in re.findall(r"^    def (test_\w+)", path.read_text(), re.M)}
        text = (ROOT / "docs/security.md").read_text()
        named = set(re.findall(r"`([A-Z]\w+\.[A-Z]\w+|test_\w+\.test_\w+)`", text)) - {"test_file.test_name"}
        self.assertGreater(len(named), 20)
        self.assert_none(sorted(named - there - {"Suite.Name"}), "docs/security.md names a test that is not there")

    def test_files_stay_short(self):
        wrong = [f"{p.relative_to(ROOT)} has {n} lines" for p in files("src/*.h", "src/*.cc", "tests/*.py")
                 if (n := p.read_text().count("\n")) > 800]
        self.assert_none(wrong, "files over 800 lines")

    def test_nothing_is_left_over(self):
        # In pieces, so that this file does not find itself.
        words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
        wrong = []
        for path in files():
            if path.suffix in (".json", ".csv", ".parquet") or path.name == "LICENSE":
                continue
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue
            wrong += [f"{place(path, n)}: {line.strip()}" for n, line in enumerate(text.splitlines(), 1)
                      if words.search(line)]
        self.assert_none(wrong, "words of unfinished work")

    def test_nothing_names_a_machine_or_a_registry(self):
        banned = ["/wo" + "rk/", "/tmp/" + "ddb", "../sh" + "ared", "registry.npm" + "js", "deb.deb" + "ian.org",
                  "/home" + "/", "/root" + "/"]
        wrong = []
        for path in files():
            try:
                text = path.read_text()
            except UnicodeDecodeError:
                continue
            wrong += [f"{place(path, n)}: {word}" for n, line in enumerate(text.splitlines(), 1)
                      for word in banned if word in line]
        self.assert_none(wrong, "addresses that hold on one machine only")

    def test_no_foreign_source_is_committed(self):
        wrong = [p.relative_to(ROOT) for p in files() if p.stat().st_size > 400_000]
        self.assert_none(wrong, "files over 400 kB")

    def test_sources_are_formatted(self):
        sources = [str(p) for p in files("src/*.cc", "src/*.h", "tests/*.cc", "tests/*.h", "bench/*.cc",
                                         "bench/*.h")]
        done = subprocess.run(["clang-format", "--dry-run", "--Werror", *sources], capture_output=True, text=True)
        found = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "error:" in line})
        self.assert_none(found, "run ./dev format")


if __name__ == "__main__":
    unittest.main(verbosity=2)
