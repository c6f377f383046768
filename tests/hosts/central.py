"""A central with its loop, and what people are told, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fleetscripts.services.links.telling import tell_host
from tests.hosts.linked import LinkedHost
from tests.places import BUNDLE
from tests.waiting import wait_until


def join(*hosts: LinkedHost) -> None:
    """What ``hosts add`` does beside the entry: this machine is their central; their links run."""
    for host in hosts:
        host.begin()
        tell_host(host.settings, host.host, {"join": True})
        wait_until(lambda host=host: "notices" in host.view().facts, what=lambda host=host: str(host.view()))  # type: ignore[misc]


@contextmanager
def loop(environ: Mapping[str, str] | None = None) -> Iterator[Path]:
    """The central's run loop; the file that it logs into."""
    said = Path(os.environ["HOME"]) / "loop.out"
    process = begin_loop(said, environ)
    try:
        yield said
    finally:
        process.terminate()
        process.wait(20)


def begin_loop(said: Path, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """The process of such a loop, which logs into that file."""
    argv = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "run-loop"]
    with said.open("w") as out:
        process = subprocess.Popen(argv, env={**os.environ, **(environ or {})}, stdout=out, stderr=out)
    wait_until(lambda: "fleet:" in said.read_text() or process.poll() is not None, what=said.read_text)
    assert process.poll() is None, said.read_text()
    return process


def configure(folder: Path, text: str) -> None:
    """The configuration of a fleet's folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "config.toml").write_text(f"notify_desktop = false\n{text}", encoding="utf-8")


def fleet_here(home: Path, *agents: Mapping[str, Any], **top: Any) -> None:
    """The state file of the central itself."""
    (home / "state.json").write_text(json.dumps({"active": True, "agents": list(agents), **top}), encoding="utf-8")
    (home / "state.json").chmod(0o600)
