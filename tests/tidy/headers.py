#!/usr/bin/python3
"""usage: headers.py BUILD-FOLDER: compiles each header of src/ alone, with the flags of a source that
lies beside it, without precompiled headers."""

import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def flags_by_folder(build):
    found = {}
    for entry in json.loads((pathlib.Path(build) / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if not path.is_relative_to(ROOT / "src") or path.stem.endswith("_test"):
            continue
        words, kept, skip = shlex.split(entry["command"]), [], False
        for word in words:
            if skip:
                skip = False
            elif word in ("-o", "-c", "-include", "-include-pch"):
                skip = True
            elif word not in ("-Winvalid-pch", str(path)):
                kept.append(word)
        found.setdefault(path.relative_to(ROOT / "src").parts[0], kept)
    return found


def check(header, flags):
    command = [*flags, "-fsyntax-only", "-Wno-pragma-once-outside-header", "-x", "c++", str(header)]
    done = subprocess.run(command, capture_output=True, text=True)
    errors = re.sub(r".*#pragma once in main file.*\n", "", done.stderr)
    return header, done.returncode, errors


def main():
    flags = flags_by_folder(sys.argv[1])
    headers = [h for h in sorted((ROOT / "src").rglob("*.h")) if h.relative_to(ROOT / "src").parts[0] in flags]
    # A header in a source's place would warn of its own #pragma once, which -Werror makes an error.
    jobs = [(h, [f for f in flags[h.relative_to(ROOT / "src").parts[0]] if f != "-Werror"]) for h in headers]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for header, code, errors in pool.map(lambda job: check(*job), jobs):
            if code != 0:
                bad += 1
                print(f"{header.relative_to(ROOT)} does not compile alone:\n{errors}")
    print(f"{len(jobs)} headers, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
