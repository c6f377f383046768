"""A place of our own: no network but loopback, /home/me as home, and nothing in it outlives the recording."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

INSIDE = "FLEET_RECORDER_INSIDE"
ROOT = Path(__file__).resolve().parent.parent.parent
HOME = Path("/home/me")
PROJECT = HOME / "src" / "shop"


def enter(module_path: str, arguments: list[str]) -> int:
    """Run this program again inside new network, mount and process namespaces; return its exit code."""
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        command.append("--map-root-user")
    environment = {**os.environ, INSIDE: "1", "PYTHONPATH": module_path}
    return subprocess.run(
        [*command, sys.executable, "-m", "tests.recorder", *arguments], env=environment, check=False
    ).returncode


def prepare() -> None:
    """Bring loopback up and put an empty ``/home/me`` beside whatever else is in ``/home``."""
    if os.environ.get(INSIDE) != "1":
        raise SystemExit("record: not inside the loopback-only namespace")
    _run("ip", "link", "set", "lo", "up")
    _run("mount", "--make-rprivate", "/")
    others = sorted(entry for entry in Path("/home").iterdir() if entry.is_dir() and entry.name != HOME.name)
    stage = Path("/mnt")
    _run("mount", "-t", "tmpfs", "recorder", str(stage))
    below = stage / HOME.name
    below.mkdir()
    for entry in others:
        (stage / entry.name).mkdir()
        _run("mount", "--rbind", str(entry), str(stage / entry.name))
    _run("mount", "--rbind", str(stage), "/home")
    if networks():
        raise SystemExit(f"record: expected no network but loopback, found {', '.join(networks())}")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def networks() -> list[str]:
    """Network interfaces other than loopback; empty inside."""
    return [name for _, name in socket.if_nameindex() if name != "lo"]
