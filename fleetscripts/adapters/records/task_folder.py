"""The folder of task files: ``pending/NAME.task``, and ``archived/NAME.task`` with ``NAME.task.json``, its outcome."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.files import private_folder, replace_file
from fleetscripts.adapters.records.json_files import encode, read_json
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, UsageProblem

LARGEST_BYTES = 262_144
MOST_FILES = 1000
SUFFIX = ".task"
OUTCOME = ".json"


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """One entry of ``pending``: its text, or why it is not read. ``stamp`` changes with the file."""

    name: str
    text: str = ""
    problem: str = ""
    stamp: int = 0


@dataclass(frozen=True, slots=True)
class TaskFolder:
    """Where the tasks lie."""

    root: Path

    @property
    def pending(self) -> Path:
        return self.root / "pending"

    @property
    def archived(self) -> Path:
        return self.root / "archived"

    def read(self) -> Iterator[PendingEntry]:
        """Every task file of ``pending``, by name; none without such a folder."""
        try:
            names = sorted(entry.name for entry in self.pending.iterdir() if entry.name.endswith(SUFFIX))
        except FileNotFoundError:
            return
        except OSError as error:
            raise FleetError(f"cannot read {self.pending}: {error.strerror}") from error
        for name in names[:MOST_FILES]:
            yield self._one(name)
        if len(names) > MOST_FILES:
            yield PendingEntry("", problem=f"{self.pending}: more than {MOST_FILES} files, the others are not read")

    def _one(self, name: str) -> PendingEntry:
        bare = name.removesuffix(SUFFIX)
        try:
            descriptor = os.open(self.pending / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            why = "it is a symbolic link" if (self.pending / name).is_symlink() else error.strerror
            return PendingEntry(bare, problem=f"{name!r}: not read: {why}")
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            return PendingEntry(bare, problem=f"{name!r}: not read: it is no regular file")
        with os.fdopen(descriptor, "rb") as stream:
            if status.st_uid not in (os.geteuid(), 0):
                return PendingEntry(bare, problem=f"{name!r}: not read: it belongs to somebody else")
            if status.st_size > LARGEST_BYTES:
                return PendingEntry(bare, problem=f"{name!r}: not read: more than {LARGEST_BYTES:,} bytes")
            content = stream.read(LARGEST_BYTES)
        try:
            return PendingEntry(bare, content.decode("utf-8"), stamp=status.st_mtime_ns)
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            return PendingEntry(
                bare, problem=f"{name}:{line}: expected UTF-8 text, found other bytes", stamp=status.st_mtime_ns
            )

    def changed_at(self, name: str) -> float:
        """When the task's file was last written, Unix seconds; 0 without one."""
        try:
            return (self.pending / f"{name}{SUFFIX}").stat().st_mtime
        except OSError:
            return 0.0

    def add(self, name: str, text: str) -> Path:
        """Create a task file atomically; UsageProblem if there is one of that name."""
        path = self.pending / f"{name}{SUFFIX}"
        temporary = self.pending / f".{name}.{os.getpid()}.tmp"
        try:
            private_folder(self.pending)
            temporary.write_text(text, encoding="utf-8")
            temporary.chmod(0o600)
            os.link(temporary, path)
        except FileExistsError:
            raise UsageProblem(f"there is a task {name} already: {path}") from None
        except OSError as error:
            raise FleetError(f"cannot write {path}: {error.strerror}") from error
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def archive(self, name: str, outcome: Mapping[str, Any], *, keep: bool = False) -> Path:
        """Move a task out of ``pending`` (``keep``: copy it) with its outcome; an archived task of that name stays."""
        source = self.pending / f"{name}{SUFFIX}"
        try:
            private_folder(self.archived)
            target = next(path for path in self._names(name) if not path.exists())
            replace_file(target.with_name(target.name + OUTCOME), encode(dict(outcome), indent=True))
            if keep:
                replace_file(target, source.read_bytes())
            else:
                source.rename(target)
        except OSError as error:
            raise FleetError(f"cannot move {source} to {self.archived}: {error.strerror}") from error
        return target

    def _names(self, name: str) -> Iterator[Path]:
        yield self.archived / f"{name}{SUFFIX}"
        yield from (self.archived / f"{name}~{number}{SUFFIX}" for number in range(2, 100_000))

    def outcomes(self) -> dict[str, str]:
        """Outcome of every archived task by its name; for a name archived several times ``done`` counts."""
        found: dict[str, str] = {}
        for path in sorted(self.archived.glob(f"*{SUFFIX}{OUTCOME}")):
            task = path.with_name(path.name.removesuffix(OUTCOME))
            members = read_json(path) if task.exists() else None
            if isinstance(members, dict):
                name = task.name.removesuffix(SUFFIX).partition("~")[0]
                if found.get(name) != "done":
                    found[name] = str(members.get("outcome", ""))
        return found
