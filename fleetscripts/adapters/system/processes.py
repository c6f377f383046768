"""The machine's processes: parents, start times, terminals' foreground groups. Linux: /proc; else one ``ps``."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

_PROC = "/proc"
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PIECE_BYTES = 1 << 16
_PS_COLUMNS = "pid=,ppid=,pgid=,tpgid=,stat=,time=,lstart=,command="
_PS_ROW = pattern(
    r"\s*(\d+)\s+(\d+)\s+(\d+)\s+(-?\d+)\s+(\S+)\s+([\d:.-]+)\s+(\w{3} \w{3}\s+\d+ [\d:]{8} \d{4})\s+(.*)"
)


@dataclass(frozen=True, slots=True)
class Process:
    """``start_ticks`` is the system's own text for its start: with the pid it identifies a process for ever."""

    pid: int
    parent: int
    group: int
    foreground_group: int
    status: str
    command: str
    start_ticks: str
    argv: tuple[str, ...] = ()
    cpu_seconds: float = 0

    @property
    def in_foreground(self) -> bool:
        """Whether it receives its terminal's keys."""
        return self.group == self.foreground_group

    @property
    def stopped(self) -> bool:
        """Whether job control has suspended it (Ctrl-Z)."""
        return self.status.startswith("T")


class ProcessTable:
    """All processes at one moment, by pid."""

    def __init__(self, by_pid: Mapping[int, Process]) -> None:
        self.by_pid = by_pid

    @cached_property
    def _children(self) -> dict[int, list[Process]]:
        children: dict[int, list[Process]] = {}
        for process in self.by_pid.values():
            children.setdefault(process.parent, []).append(process)
        return children

    def tree(self, root: int, without: Callable[[Process], bool] = lambda process: False) -> Iterator[Process]:
        """The process and its descendants, nearest first. ``without``: left out with their descendants.

        The list is not of one instant: if a pid was reused meanwhile, parents may form a circle."""
        level = [self.by_pid[root]] if root in self.by_pid else []
        seen = {root}
        while level:
            yield from level
            below = [child for process in level for child in self._children.get(process.pid, ())]
            level = [child for child in below if child.pid not in seen and not without(child)]
            seen.update(child.pid for child in level)


def read_processes() -> ProcessTable:
    """Every visible process, without argv on Linux (``arguments`` reads one's)."""
    if sys.platform == "linux":
        found = (_from_stat(entry.name) for entry in os.scandir(_PROC) if entry.name.isdigit())
    else:
        found = from_ps(_ps())
    return ProcessTable({process.pid: process for process in found if process is not None})


def read_trees(roots: Iterable[int]) -> ProcessTable:
    """These processes and their descendants: cheap for a few; all processes if the system lists no children.

    Linux lists them per thread, if the kernel was built so (all usual ones are)."""
    if not Path(f"{_PROC}/self/task/{os.getpid()}/children").exists():
        return read_processes()
    found: dict[int, Process] = {}
    level = [str(root) for root in roots]
    while level:
        read = [process for process in map(_from_stat, level) if process is not None and process.pid not in found]
        found |= {process.pid: process for process in read}
        level = [pid for process in read for pid in _children(process.pid)]
    return ProcessTable(found)


def _children(pid: int) -> list[str]:
    try:
        threads = [entry.path for entry in os.scandir(f"{_PROC}/{pid}/task")]
    except OSError:
        return []
    return [child for thread in threads for child in content_of(f"{thread}/children").decode().split()]


def arguments(process: Process) -> tuple[str, ...]:
    """The process's argv, empty if it is gone or not ours."""
    if process.argv or sys.platform != "linux":
        return process.argv
    words = content_of(f"{_PROC}/{process.pid}/cmdline").split(b"\0")[:-1]
    return tuple(os.fsdecode(word) for word in words)


def working_directory(pid: int) -> str:
    """The process's working folder; empty if unknown (gone, not ours, not Linux)."""
    try:
        return os.readlink(f"{_PROC}/{pid}/cwd")  # noqa: PTH115 - three times as quick
    except OSError:
        return ""


def working_in(folder: Path, table: ProcessTable) -> list[Process]:
    """Those whose working folder is this one or below it, even a deleted one; not those that have ended."""
    inside = pids_in(folder, working_folders())
    return [process for pid, process in table.by_pid.items() if pid in inside and not process.status.startswith("Z")]


def working_folders() -> dict[int, str]:
    """The known working folders of these processes, now."""
    if sys.platform != "linux":
        return _folders_by_lsof()
    found: dict[int, str] = {}
    for entry in os.scandir(_PROC):
        if entry.name.isdigit():
            with suppress(OSError):  # gone, or not ours
                found[int(entry.name)] = os.readlink(f"{_PROC}/{entry.name}/cwd")  # noqa: PTH115 - three times as quick
    return found


def pids_in(folder: Path, folders: Mapping[int, str]) -> set[int]:
    """Those that work in the folder or below it, even if it was deleted."""
    here, below = str(folder), f"{str(folder).rstrip('/')}/"
    near = ((pid, place.removesuffix(" (deleted)")) for pid, place in folders.items() if place.startswith(here))
    return {pid for pid, place in near if place == here or place.startswith(below)}


def _folders_by_lsof() -> dict[int, str]:
    """Working folders of this user's processes, for systems without ``/proc``."""
    words = ["lsof", "-a", "-d", "cwd", "-u", str(os.getuid()), "-Fpn"]
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True, errors="replace", timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FleetError(f"cannot find out which processes work where (lsof: {error})") from error
    found: dict[int, str] = {}
    pid = 0
    for row in done.stdout.splitlines():
        pid = int(row[1:]) if row.startswith("p") else pid
        found |= {pid: row[1:]} if row.startswith("n") else {}
    return found


def environment(pid: int, names: frozenset[str]) -> dict[str, str]:
    """These variables of the process's initial environment, and no others: the rest may hold secrets."""
    entries = b"\0" + content_of(f"{_PROC}/{pid}/environ") + b"\0"
    found: dict[str, str] = {}
    for name in names:
        _, is_there, after = entries.rpartition(b"\0" + os.fsencode(name) + b"=")
        if is_there:
            found[name] = os.fsdecode(after[: after.index(b"\0")])
    return found


def started_at(process: Process, now: float) -> float:
    """The process's start in Unix seconds, to about 10 ms on Linux and a second elsewhere; ``now`` if unreadable."""
    if not process.start_ticks.isdigit():
        return _parse_lstart(process.start_ticks, now)
    return now - time.clock_gettime(time.CLOCK_BOOTTIME) + int(process.start_ticks) / _TICKS_A_SECOND


def _from_stat(pid: str) -> Process | None:
    """One ``/proc/PID/stat``. The name is in brackets and may itself contain brackets, blanks and newlines."""
    content = os.fsdecode(content_of(f"{_PROC}/{pid}/stat"))
    head, _, tail = content.rpartition(")")
    fields = tail.split()
    if len(fields) < 20:
        return None
    return Process(
        pid=int(pid),
        parent=int(fields[1]),
        group=int(fields[2]),
        foreground_group=int(fields[5]),
        status=fields[0],
        command=head.partition("(")[2],
        start_ticks=fields[19],
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND,
    )


def _ps() -> str:
    done = subprocess.run(
        ["ps", "-axww", "-o", _PS_COLUMNS],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C"},
        timeout=10,
    )
    return done.stdout


def from_ps(rows: str) -> Iterator[Process]:
    """The processes that ``ps`` lists."""
    for row in rows.splitlines():
        match = _PS_ROW.match(row)
        if match is None:
            continue
        argv = tuple(match[8].split())
        name = argv[0].rpartition("/")[2] if argv else ""
        pid, parent, group, foreground = (int(match[column]) for column in (1, 2, 3, 4))
        started, used = " ".join(match[7].split()), _parse_cpu_time(match[6])
        yield Process(pid, parent, group, foreground, match[5], name, started, argv, used)


def _parse_cpu_time(text: str) -> float:
    """Seconds in ``MM:SS.ss``, ``HH:MM:SS`` or ``D-HH:MM:SS``."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    try:
        for part in clock.split(":"):
            seconds = seconds * 60 + float(part)
        return seconds + 86_400 * int(days or 0)
    except ValueError:
        return 0.0


def _parse_lstart(text: str, now: float) -> float:
    try:
        return time.mktime(time.strptime(text, "%a %b %d %H:%M:%S %Y"))
    except ValueError:
        return now


def content_of(path: str) -> bytes:
    """The file's content; empty when the process has gone meanwhile or is not ours to read.

    By the system's own calls: a file object asks three things more of each, of a machine with many processes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        content = piece = os.read(descriptor, _PIECE_BYTES)
        while piece:
            piece = os.read(descriptor, _PIECE_BYTES)
            content += piece
        return content
    except OSError:
        return b""
    finally:
        os.close(descriptor)
