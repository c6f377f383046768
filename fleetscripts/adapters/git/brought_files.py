"""Copies ignored files of the main worktree into another: never over files that git tracks there, never outside it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.records.files import temporary_beside
from fleetscripts.errors import FleetError

_FICLONE = 0x40049409
"""Linux's request to share a file's blocks until either file is written."""


@dataclass
class CopyResult:
    """The result for each file, by path. ``new``: files that were not there before."""

    files: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    """Why a file was left out."""
    new: list[Path] = field(default_factory=list)
    copied_whole: bool = False
    """Whether the file system could not clone, so that full copies were made."""


def bring(main: Git, worktree: Git, patterns: Sequence[str], how: str) -> CopyResult:
    """Copy what the patterns name and git ignores in both. If one fails, the new files are removed again."""
    found = CopyResult()
    names = _ignored(main, _matching(main, patterns))
    tracked = set(worktree.text("ls-files", "-z").split("\0"))
    ignored = set(_ignored(worktree, names))
    try:
        for name in names:
            if name in tracked:
                found.left[name] = "tracked there"
            elif name not in ignored:
                found.left[name] = "not ignored there: it would be committed"
            else:
                _one(main.folder / name, worktree.folder, name, how, found)
    except OSError as error:
        for path in found.new:
            path.unlink(missing_ok=True)
        raise FleetError(f"cannot bring {name} from {main.folder}: {error.strerror or error}") from error
    return found


def _matching(git: Git, patterns: Sequence[str]) -> list[str]:
    """Untracked files that the patterns name. Nested repositories end with a slash, and are left out."""
    words = [f"--exclude={pattern}" for pattern in patterns]
    listed = git.text("ls-files", "--others", "--ignored", "-z", *words).split("\0") if words else []
    return [path for path in listed if path and not path.endswith("/")]


def _ignored(git: Git, names: Sequence[str]) -> list[str]:
    """Those of the names that git ignores here; git exits with 1 if there are none."""
    given = b"".join(os.fsencode(name) + b"\0" for name in names)
    listed = git.maybe("check-ignore", "-z", "--stdin", given=given) if names else ""
    return [name for name in (listed or "").split("\0") if name]


def _one(source: Path, folder: Path, name: str, how: str, found: CopyResult) -> None:
    facts = source.lstat()
    if not S_ISREG(facts.st_mode) and not S_ISLNK(facts.st_mode):
        found.left[name] = "neither a file nor a link"
        return
    target = folder / name
    if why := _in_the_way(folder, Path(name)):
        found.left[name] = why
        return
    before = target.lstat() if os.path.lexists(target) else None
    if before is not None and S_ISDIR(before.st_mode):
        found.left[name] = "there is a folder"
        return
    is_link = S_ISLNK(facts.st_mode) or how == "link"
    same = before is not None and (before.st_mode, before.st_size, before.st_mtime_ns) == (
        facts.st_mode,
        facts.st_size,
        facts.st_mtime_ns,
    )
    if not same or is_link:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _aside(target) as place:
            if is_link:
                place.unlink()
                place.symlink_to(source.readlink() if S_ISLNK(facts.st_mode) else source)
            else:
                found.copied_whole |= _MAKERS[how](source, place)
                shutil.copystat(source, place)
    if before is None:
        found.new.append(target)
    found.files.append(name)


def _in_the_way(folder: Path, name: Path) -> str:
    """Why nothing can be put at this path of the worktree; each folder above it must be the worktree's own."""
    for above in reversed(name.parents):
        place = folder / above
        if place.is_symlink():
            return f"{above} is a link there, and may lead out of the worktree"
        if os.path.lexists(place) and not place.is_dir():
            return f"{above} is a file there"
    return ""


@contextlib.contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A temporary file beside its place, renamed into it at the end."""
    descriptor, name = temporary_beside(target.with_name(target.name[:100]))
    os.close(descriptor)
    try:
        yield Path(name)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _copied(source: Path, target: Path) -> bool:
    shutil.copyfile(source, target)
    return False


def _cloned(source: Path, target: Path) -> bool:
    """Whether it had to be copied, as the file system cannot clone."""
    if sys.platform == "linux":
        import fcntl

        with source.open("rb") as given, target.open("r+b") as made:
            try:
                fcntl.ioctl(made.fileno(), _FICLONE, given.fileno())
                return False
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS):
                    raise
    _copied(source, target)
    return True


_MAKERS: Mapping[str, Callable[[Path, Path], bool]] = {"copy": _copied, "clone": _cloned}
