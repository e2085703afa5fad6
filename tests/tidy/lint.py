#!/usr/bin/python3
"""usage: lint.py BUILD-FOLDER [SOURCE...]: clang-tidy over these sources, or over all of src/.

The build must be clang's, since a precompiled header of g++ is nothing that clang can read. What was
found right stays so until the source, a header that it includes, its flags or the checks change:
BUILD-FOLDER/tidy keeps a stamp of each. Nothing but the precompiled headers needs to be built there."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIDY = "clang-tidy"


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


class Linter:
    def __init__(self, build):
        self.build = build
        self.stamps = build / "tidy"
        self.stamps.mkdir(exist_ok=True)
        self.entries = {pathlib.Path(e["file"]): e for e in json.loads((build / "compile_commands.json").read_text())}
        version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
        self.checks = hashlib.sha256(version + (ROOT / ".clang-tidy").read_bytes()).hexdigest()

    def stamp(self, source):
        """None where it is not known what the source includes: then it is checked."""
        entry = self.entries.get(source)
        headers = dependencies(entry) if entry else None
        if not headers:
            return None
        parts = [self.checks, entry["command"].replace(str(ROOT), ""), content(source)]
        parts += [f"{header.name} {content(header)}" for header in headers
                  if not header.is_relative_to(self.build)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def check(self, source):
        """What clang-tidy has to say, None where nothing has changed since it had nothing to say."""
        stamp = self.stamp(source)
        file = self.stamps / str(source.relative_to(ROOT)).replace("/", "_")
        if stamp and file.exists() and file.read_text() == stamp:
            return source, None, True
        done = subprocess.run([TIDY, "-p", self.build, "--quiet", "--warnings-as-errors=*", source],
                              capture_output=True, text=True)
        if done.returncode == 0 and stamp:
            file.write_text(stamp)
        said = done.stdout
        if done.returncode != 0 and ": error: " not in said:
            said += done.stderr  # it did not come that far
        return source, said, done.returncode == 0


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    sources = [ROOT / name for name in sys.argv[2:]] or sorted((ROOT / "src").rglob("*.cc"))
    linter = Linter(build)
    checked = bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, said, is_right in pool.map(linter.check, sources):
            checked += said is not None
            if not is_right:
                bad += 1
                print(said, flush=True)
    print(f"{len(sources)} sources, {checked} of them changed since the last time, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
