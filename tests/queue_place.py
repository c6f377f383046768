"""Where the test queue lies in a test, what stands in it, and clients that ask for a turn."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fleetscripts import commands
from tests.conftest import RunScript
from tests.places import BUNDLE, environment

MAIN = str(BUNDLE / "fleetscripts" / "__main__.py")


def configure(home: Path, **table: object) -> None:
    """Write the settings; ``table`` goes into [test_queue]."""
    lines = ["github_timeout_seconds = 3", "notify_desktop = false", "[test_queue]"]
    (home / "fleet").mkdir(exist_ok=True)
    (home / "fleet" / "config.toml").write_text(
        "\n".join([*lines, *(f"{name} = {json.dumps(value)}" for name, value in table.items())])
    )


def queue_file(home: Path) -> Path:
    return home / ".local" / "state" / "fleetscripts" / "test-queue" / "queue.json"


def kept(home: Path) -> dict[str, Any]:
    return dict(json.loads(queue_file(home).read_text()))


def events(home: Path, *names: str) -> list[dict[str, Any]]:
    lines = (home / "fleet" / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["event"] in names]


def in_process(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> RunScript:
    """Scripts called without a process of their own, which takes a third of a second each."""

    def run(
        name: str,
        *args: str | Path,
        env: Mapping[str, str | None] | None = None,
        input: str | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        module = importlib.import_module(commands.module_of(name))
        capsys.readouterr()
        with monkeypatch.context() as changed:
            for variable, value in (env or {}).items():
                changed.setenv(variable, str(value))
            code = module.main([str(word) for word in args])
        said = capsys.readouterr()
        return subprocess.CompletedProcess([name, *map(str, args)], code, said.out, said.err)

    return run


@dataclass
class Client:
    """A program that looks like an orchestrator's client and calls what it is told, one line at a time."""

    process: subprocess.Popen[str]

    def call(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a script that the client calls."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        words = " ".join(f"'{word}'" for word in (sys.executable, "-I", MAIN, *arguments))
        self.process.stdin.write(f"{words} 2>err; code=$?; echo; echo END $code\n")
        self.process.stdin.flush()
        lines: list[str] = []
        while not (line := self.process.stdout.readline()).startswith("END "):
            assert line, "the client ended"
            lines.append(line)
        return int(line.split()[1]), "".join(lines).strip(), (Path(str(self.folder)) / "err").read_text()

    @property
    def folder(self) -> Path:
        return Path(f"/proc/{self.process.pid}/cwd").resolve()


@contextmanager
def client(folder: Path) -> Iterator[Client]:
    """One such client; it is killed in the end."""
    folder.mkdir()
    program = folder / "claude"
    program.symlink_to("/bin/sh")
    process = subprocess.Popen(
        [str(program)], cwd=folder, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Client(process)
    finally:
        process.kill()
        process.communicate()
