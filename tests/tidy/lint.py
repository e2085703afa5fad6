#!/usr/bin/python3
"""usage: lint.py BUILD-FOLDER [SOURCE...]: clang-tidy over these sources, or over all that are ours.

Most of its time goes into the headers, DuckDB's above all, so the sources that the build compiles as
one are read as one: four times as fast. They are written out one behind the other, since clang-tidy
only takes a main file at its word (its analyzer passes over functions of included ones).

The build must be clang's, since a precompiled header of g++ is nothing that clang can read. What was
found right stays so until a source, a header that it includes, its flags or the checks change:
BUILD-FOLDER/tidy keeps a stamp of each. Nothing but the precompiled headers needs to be built there."""

import bisect
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "bench")
TIDY = "clang-tidy"


def is_ours(path, root=ROOT):
    return any(path.is_relative_to(root / folder) for folder in FOLDERS)


def all_sources():
    """Those of the repository, committed or about to be."""
    patterns = [f"{folder}/*.cc" for folder in FOLDERS]
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
                         cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted({ROOT / line for line in out.splitlines() if (ROOT / line).is_file()})


def content(path, known={}):
    """Of our files what is in them; of others, which packages bring, how long they are."""
    if path not in known:
        try:
            ours = path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "build")
            text = path.read_bytes() if ours else str(path.stat().st_size).encode()
            known[path] = hashlib.sha256(text).hexdigest()
        except FileNotFoundError:
            known[path] = "gone"
    return known[path]


def dependencies(entry):
    """What the source includes, itself among it; None where it does not even get through the preprocessor."""
    words = shlex.split(entry["command"])
    at = words.index("-o")
    done = subprocess.run(words[:at] + words[at + 2:] + ["-M", "-MT", "x"], cwd=entry["directory"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        return None
    names = done.stdout.replace("\\\n", " ").split()[1:]
    return [pathlib.Path(os.path.normpath(os.path.join(entry["directory"], name))) for name in names]


class Unit:
    """What the compiler reads as one: a source, or several that the build puts into one."""

    def __init__(self, entry, folder):
        self.entry = entry
        file = pathlib.Path(entry["file"])
        self.sources = [file]
        if file.parent.name == "Unity":
            self.sources = [pathlib.Path(name) for name in re.findall(r'^#include "(.*)"', file.read_text(), re.M)]
        self.name = str(self.sources[0].relative_to(ROOT)).replace("/", "_")
        self.file = folder / self.name
        self.begins = []  # the line of self.file at which each source begins

    def write(self):
        """The sources one behind the other; -> how to compile that."""
        lines = []
        for source in self.sources:
            self.begins.append(len(lines) + 1)
            lines += source.read_text().splitlines()
        self.file.write_text("\n".join(lines) + "\n")
        command = shlex.split(self.entry["command"])
        command[command.index(self.entry["file"])] = str(self.file)
        return {"directory": self.entry["directory"], "file": str(self.file), "arguments": command}

    def place(self, line):
        """Where a line of self.file came from."""
        at = bisect.bisect(self.begins, line) - 1
        return f"{self.sources[at].relative_to(ROOT)}:{line - self.begins[at] + 1}"


class Linter:
    def __init__(self, build):
        self.build = build
        self.stamps = build / "tidy"
        self.stamps.mkdir(exist_ok=True)
        entries = json.loads((build / "compile_commands.json").read_text())
        units = [Unit(entry, self.stamps) for entry in entries
                 if is_ours(pathlib.Path(entry["file"])) or is_ours(pathlib.Path(entry["file"]), build)]
        self.units = {source: unit for unit in units for source in unit.sources}
        commands = [unit.write() for unit in units]
        (self.stamps / "compile_commands.json").write_text(json.dumps(commands))
        version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
        self.checks = hashlib.sha256(version + (ROOT / ".clang-tidy").read_bytes()).hexdigest()

    def stamp(self, unit):
        """None where it is not known what the unit includes: then it is checked."""
        headers = dependencies(unit.entry)
        if not headers:
            return None
        parts = [self.checks, unit.entry["command"].replace(str(ROOT), ""), content(unit.file)]
        parts += [f"{header.name} {content(header)}" for header in headers
                  if not header.is_relative_to(self.build)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def check(self, unit):
        """What clang-tidy has to say, None where nothing has changed since it had nothing to say."""
        stamp = self.stamp(unit)
        file = self.stamps / (unit.name + ".right")
        if stamp and file.exists() and file.read_text() == stamp:
            return None, True
        done = subprocess.run([TIDY, "-p", self.stamps, "--quiet", "--warnings-as-errors=*", unit.file],
                              capture_output=True, text=True)
        if done.returncode == 0 and stamp:
            file.write_text(stamp)
        said = done.stdout
        if done.returncode != 0 and ": error: " not in said:
            said += done.stderr  # it did not come that far
        said = re.sub(re.escape(str(unit.file)) + r":(\d+)", lambda found: unit.place(int(found[1])), said)
        return said, done.returncode == 0


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    linter = Linter(build)
    sources = [ROOT / name for name in sys.argv[2:]] or all_sources()
    unknown = [str(source.relative_to(ROOT)) for source in sources if source not in linter.units]
    if unknown:
        print("not part of the build:", *unknown)
    units = dict.fromkeys(linter.units[source] for source in sources if source in linter.units)
    checked = bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for said, is_right in pool.map(linter.check, units):
            checked += said is not None
            if not is_right:
                bad += 1
                print(said, flush=True)
    print(f"{len(sources)} sources in {len(units)} units, {checked} of them changed since the last time, {bad} bad")
    return 1 if bad or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
