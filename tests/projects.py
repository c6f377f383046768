"""Two small projects with lock files, which install from files of their own, without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

NPM_CI = "npm ci --offline --no-audit --no-fund"
UV = str(Path(sys.executable).with_name("uv"))
UV_SYNC = f"{shlex.quote(UV)} sync --offline --frozen --quiet"

NODE_TEST = """
const fs = require("node:fs");
const net = require("node:net");
const assert = require("node:assert");
assert.equal(require("greeting")(), "hello");
const file = process.env.DATABASE;
const server = net.createServer().listen(Number(process.env.PORT), "127.0.0.1", () => {
  fs.writeFileSync(file, process.cwd());
  setTimeout(() => {
    assert.equal(fs.readFileSync(file, "utf8"), process.cwd());
    server.close();
  }, 500);
});
"""
"""Takes PORT and writes DATABASE, and finds both still its own half a second later."""

PYTHON_TEST = """
import os, socket, sqlite3, time
import greeting
assert greeting.greet() == "hello"
taken = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
database = sqlite3.connect(os.environ["DATABASE"])
database.execute("create table runs (place text)")
database.execute("insert into runs values (?)", (os.getcwd(),))
database.commit()
time.sleep(0.5)
assert database.execute("select place from runs").fetchall() == [(os.getcwd(),)]
"""


def node_project(folder: Path) -> None:
    """``package.json``, its lock, a package as a file beside it, and ``check.js``."""
    _package(folder, "1.0.0", "hello")
    (folder / "check.js").write_text(NODE_TEST)
    _ignore(folder, "node_modules/")


def newer_package(folder: Path) -> None:
    """The same project with another version of its package, and a lock that says so."""
    _package(folder, "2.0.0", "hello")


def _package(folder: Path, version: str, said: str) -> None:
    made = folder.parent / f"greeting-{version}"
    made.mkdir()
    (made / "package.json").write_text(json.dumps({"name": "greeting", "version": version, "main": "index.js"}))
    (made / "index.js").write_text(f"module.exports = () => {json.dumps(said)};\n")
    archive = f"greeting-{version}.tgz"
    _run(["npm", "pack", "--silent", "--offline", "--pack-destination", str(folder)], made)
    wanted = {"name": "project", "version": "1.0.0", "dependencies": {"greeting": f"file:{archive}"}}
    (folder / "package.json").write_text(json.dumps(wanted))
    (folder / "package-lock.json").unlink(missing_ok=True)
    _run(["npm", "install", "--offline", "--no-audit", "--no-fund", "--package-lock-only"], folder)


def python_project(folder: Path) -> None:
    """``pyproject.toml``, ``uv.lock``, a wheel in ``wheels`` and ``check.py``."""
    _wheel(folder / "wheels")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "project"\nversion = "1.0.0"\nrequires-python = ">=3.11"\ndependencies = ["greeting"]\n'
        '[tool.uv]\npackage = false\nno-index = true\nfind-links = ["wheels"]\n'
    )
    _run([UV, "lock", "--offline", "--quiet"], folder)
    (folder / "check.py").write_text(PYTHON_TEST)
    _ignore(folder, ".venv/")


def _wheel(folder: Path) -> None:
    files = {
        "greeting.py": 'def greet():\n    return "hello"\n',
        "greeting-1.0.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0.0\n",
        "greeting-1.0.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    record = "".join(f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in files.items())
    files["greeting-1.0.0.dist-info/RECORD"] = f"{record}greeting-1.0.0.dist-info/RECORD,,\n"
    folder.mkdir()
    with zipfile.ZipFile(folder / "greeting-1.0.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _ignore(folder: Path, line: str) -> None:
    with (folder / ".gitignore").open("a") as file:
        file.write(f"{line}\n")


def _run(words: list[str], folder: Path) -> None:
    done = subprocess.run(words, cwd=folder, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
