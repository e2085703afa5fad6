"""A newer DuckDB's own COPY to a local file, where npm can fetch it."""

import json
import pathlib
import shutil
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "build" / "bench-peers"
PACKAGE = "@duckdb/node-api@1.5.6-r.1"


def is_installed():
    if not (FOLDER / "node_modules").is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--prefix", FOLDER, PACKAGE], check=False)
    return (FOLDER / "node_modules").is_dir()


def copy(file, target, form, codec, threads):
    """Figures as export_job's."""
    shutil.copy(pathlib.Path(__file__).with_name("duckdb.mjs"), FOLDER)
    done = subprocess.run(["node", FOLDER / "duckdb.mjs", file, target, form, codec, str(threads)],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
