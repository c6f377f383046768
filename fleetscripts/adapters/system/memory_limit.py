"""Puts a process and its future children into a scope with a memory limit: by systemd, else by a control group.

Swap counts too: beyond the limit nothing is swapped out instead."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fleetscripts.adapters.system.memory_scope import CGROUPS, PREFIX, PROC, V1, Hierarchy, memory_groups, scope_of

ANSWER_SECONDS = 5
JOINED_SECONDS = 2.0
TRIES = 3
"""Another start that cleans up may remove a group that is still empty."""


def limit_memory(pid: int, size: int) -> str:
    """Limit a process to so many bytes; empty on success, else the reason, on one line."""
    name = f"{PREFIX}{pid}-{_start_of(pid)}"
    found = []
    for way in (_by_systemd, _by_control_group):
        if problem := way(name, pid, size):
            found.append(problem)
        elif scope_of(pid) is not None:
            return ""
    return "; ".join(found) or "its scope has no limit"


def can_limit_memory(size: int) -> str:
    """Whether it is possible here, tried on a process of ours; empty if it is, else the reason."""
    with subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL) as tried:
        try:
            return limit_memory(tried.pid, size)
        finally:
            groups = [hierarchy.root / path for hierarchy, path in memory_groups(tried.pid)]
            tried.kill()
            tried.wait()
            for group in groups:
                if group.name.startswith(PREFIX):
                    _remove(group)


def _start_of(pid: int) -> str:
    """With the pid it identifies a process for ever, so that a dead one's group is never reused."""
    try:
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


def _by_systemd(name: str, pid: int, size: int) -> str:
    """``Delegate``: systemd then leaves the rest of the scope alive when the kernel kills one process."""
    if shutil.which("busctl") is None or not Path("/run/systemd/system").is_dir():
        return "systemd does not run"
    properties = ("PIDs", "au", "1", str(pid), "MemoryMax", "t", str(size), "MemorySwapMax", "t", "0")
    call = (
        "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
        "StartTransientUnit", "ssa(sv)a(sa(sv))", f"{name}.scope", "fail", "4", *properties, "Delegate", "b", "true",
        "0",
    )  # fmt: skip
    said = ""
    for bus in ("--user", "--system") if os.geteuid() == 0 else ("--user",):
        try:
            done = subprocess.run(
                ["busctl", bus, f"--timeout={ANSWER_SECONDS}", *call],
                capture_output=True, text=True, errors="replace", check=False, timeout=2 * ANSWER_SECONDS,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
            continue
        if done.returncode == 0:
            until = time.monotonic() + JOINED_SECONDS
            while scope_of(pid) is None and time.monotonic() < until:
                time.sleep(0.01)
            return "" if scope_of(pid) is not None else "systemd made no scope with a limit"
        said = " ".join(done.stderr.split())
    return f"systemd: {said}"


def _by_control_group(name: str, pid: int, size: int) -> str:
    said = "no control groups for memory"
    for hierarchy, path in memory_groups(pid):
        for parent in _places(hierarchy, path):
            try:
                _again(lambda parent=parent, hierarchy=hierarchy: _join(hierarchy, parent, name, pid, size))  # type: ignore[misc]
            except OSError as error:
                said = f"control group below {parent}: {error.strerror}"
            else:
                return ""
    return said


def _places(hierarchy: Hierarchy, path: Path) -> Iterator[Path]:
    """Where a group may be created, nearest first, so that every limit above still applies; never in another agent's.
    In version 2 only a group that delegates the controller has limits below it, and only the root can hold processes
    beside."""
    outside = next((group for group in (path, *path.parents) if not group.name.startswith(PREFIX)), Path())
    if ".." in path.parts:
        return
    if hierarchy is V1:
        yield V1.root / outside
        return
    for group in (outside, *outside.parents):
        folder = hierarchy.root / group
        try:
            if (
                not (folder / "cgroup.type").exists()
                and "memory" in (folder / "cgroup.controllers").read_text().split()
            ):
                (folder / "cgroup.subtree_control").write_text("+memory")
            if "memory" in (folder / "cgroup.subtree_control").read_text().split():
                yield folder
        except OSError:
            continue


def _join(hierarchy: Hierarchy, parent: Path, name: str, pid: int, size: int) -> None:
    for old in parent.glob(f"{PREFIX}*"):
        _remove(old)
    group = parent / name
    group.mkdir(exist_ok=True)
    try:
        (group / hierarchy.limit).write_text(str(size))
        if (group / hierarchy.swap).exists():
            (group / hierarchy.swap).write_text(str(size) if hierarchy is V1 else "0")
        (group / "cgroup.procs").write_text(str(pid))
    except OSError:
        _remove(group)
        raise


def _again(join: Callable[[], None]) -> None:
    for tried in range(TRIES):
        try:
            join()
        except FileNotFoundError:
            if tried + 1 == TRIES:
                raise
        else:
            return


def _remove(group: Path) -> None:
    """If it is empty; the kernel refuses otherwise."""
    if group.is_relative_to(CGROUPS):
        try:
            group.rmdir()
        except OSError:
            return
