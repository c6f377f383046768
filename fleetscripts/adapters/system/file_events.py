"""Reports files that change in a set of folders: by the system's events, by polling if it has none."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

GATHER_MILLISECONDS = 60
"""Successive changes are reported together after at most this long."""
STEP_MILLISECONDS = 30
"""How often the watcher wakes to look for events: 0.1 % of a core, and the longest delay of a change."""
OVERLAP_SECONDS = 0.5
"""How long an old watch overlaps with the new one."""
LOOK_SECONDS = 1.0
"""Polling interval if the system reports no changes."""

Tell = Callable[[frozenset[str]], None]


class FileEvents:
    """Watches folders, not those below them. ``tell`` gets the paths, in a thread of ours. A missing folder is left
    out: watch its parent, and call ``watch`` again once it exists."""

    def __init__(self, tell: Tell, looking: bool = False) -> None:
        self._closed = False
        self.folders: frozenset[str] = frozenset()
        self._kind: Callable[[frozenset[str], Tell], _Watch] = _FilePoll if looking else _EventListener
        self._tell = lambda paths: None if self._closed else tell(paths)
        self._watch: _Watch | None = None

    def watch(self, folders: Iterable[Path | str]) -> str:
        """Watch these folders instead of those before; returns the error, empty on success. The new watch begins before
        the old one ends, so that nothing is missed; a change may be reported twice."""
        wanted = frozenset(str(folder) for folder in folders if _is_folder(Path(folder)))
        if wanted == self.folders and self._watch is not None and self._watch.whole:
            return ""
        problem = ""
        try:
            begun = self._kind(wanted, self._tell)
        except FileNotFoundError:  # one went since it was looked for
            return self.watch(folders)
        except OSError as error:
            problem = f"{error}: from now on files are looked at every {LOOK_SECONDS:g} s"
            self._kind = _FilePoll
            begun = _FilePoll(wanted, self._tell)
        before, self._watch, self.folders = self._watch, begun, wanted
        if before is not None:  # it may hold changes from before the new one that it has not told yet
            ending = threading.Timer(OVERLAP_SECONDS, before.end)
            ending.daemon = True
            ending.start()
        return problem

    def close(self) -> None:
        """Report nothing more."""
        self._closed = True
        if self._watch is not None:
            self._watch.end()
            self._watch = None


def _is_folder(path: Path) -> bool:
    """Whether it exists, as far as we may see: a name may be too long, a parent unreadable."""
    try:
        return path.is_dir()
    except OSError:
        return False


class _Watch(Protocol):
    """One set of folders, watched until ``end``."""

    @property
    def whole(self) -> bool:
        """Whether every folder is still watched."""
        ...

    def end(self) -> None: ...


class _EventListener:
    """By the system's events."""

    def __init__(self, folders: frozenset[str], tell: Tell) -> None:
        from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

        self._trouble = WatchfilesRustInternalError
        try:
            self._notify = RustNotify(
                sorted(folders),
                debug=False,
                force_polling=False,
                poll_delay_ms=0,
                recursive=False,
                ignore_permission_denied=True,
            )
        except WatchfilesRustInternalError as error:
            raise OSError(f"the system lets us watch no more folders ({error})") from error
        self._tell = tell
        self._folders = folders
        self._lost = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="file events", daemon=True)
        self._thread.start()

    @property
    def whole(self) -> bool:
        """The system forgets a removed folder, even if one of its name is created again."""
        return self._thread.is_alive() and not self._lost

    def end(self) -> None:
        self._over.set()
        self._thread.join(timeout=2)
        self._notify.close()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                news = self._notify.watch(GATHER_MILLISECONDS, STEP_MILLISECONDS, 0, self._over)
            except self._trouble:
                return  # the next call of ``watch`` begins another
            if isinstance(news, set) and not self._over.is_set():
                paths = frozenset(path for _, path in news)
                self._lost = self._lost or not self._folders.isdisjoint(paths)
                self._tell(paths)


class _FilePoll:
    """By comparing each listing with the one before."""

    whole = True

    def __init__(self, folders: frozenset[str], tell: Tell) -> None:
        self._folders = folders
        self._tell = tell
        self._seen = self._look()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="file looks", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            before, self._seen = self._seen, self._look()
            changed = {path for path, _ in before.items() ^ self._seen.items()}
            if changed and not self._over.is_set():
                self._tell(frozenset(changed))

    def _look(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for folder in self._folders:
            with suppress(OSError):  # gone, or not ours: what lay there counts as gone
                for entry in os.scandir(folder):
                    if (status := _status(entry)) is not None:
                        found[entry.path] = (status.st_ino, status.st_mtime_ns, status.st_size)
        return found


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None for a file that is gone, and for a broken link."""
    try:
        return entry.stat()
    except OSError:
        return None
