"""Reads the screens of one look. Of one that has not changed, what was read of it before is taken.

What is read follows from the screen, the kind of its client, the command and the rules alone, and is found by a digest
of all of these. It is kept in this process and, for the next one, beside the record in ``readings/``, as long as the
code and the rules are the same; what cannot be understood there is read anew. Whoever can write there can write rules
too. Where something is done to a pane, its screen is read anew each time."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from fleetscripts.adapters.records.json_files import cache, encode, load
from fleetscripts.adapters.system.zone import local_zone
from fleetscripts.core.screen.kept_reading import as_kept, from_kept
from fleetscripts.core.screen.reading import Reader, Reading
from fleetscripts.core.screen.screen import Box, Screen
from fleetscripts.dataclass import replace
from fleetscripts.models import Frame
from fleetscripts.services.observe.rule_files import load_rules

PACKAGE = Path(__file__).resolve().parents[2]
READ_BY = (".", "agents", "core/screen", "core/planning", "rules", "services/observe")
"""Folders of this package whose files say what a screen means."""

LARGEST_BYTES = 8 << 20
MOST_KEPT = 4000
"""Of some hundred bytes each: 200 panes whose spinners turn, for some minutes."""

_kept: dict[str, object] = {}
_on_disk: dict[Path, frozenset[str]] = {}


class Readings:
    """Each screen read anew."""

    def __init__(self, fleet_home: Path, now: float) -> None:
        self._fleet_home = fleet_home
        self._now = now

    def read(self, frame: Frame, kind: str) -> tuple[Screen | None, Reading]:
        """The screen parsed, and what it says. ``kind``: of the client in the pane, ``auto`` where none is known."""
        screen = Screen.of(frame.lines, frame.facts.title, frame.facts.width)
        reading = self._reader.read(screen, kind, frame.facts.command)
        return screen, replace(reading, above=digest_above(screen.texts, reading.layout.box))

    @cached_property
    def _reader(self) -> Reader:
        return Reader(load_rules(self._fleet_home), self._now, local_zone())


class KeptReadings(Readings):
    """What was read of a screen before, where there is such a reading; the screen is None then."""

    def __init__(self, fleet_home: Path, now: float) -> None:
        super().__init__(fleet_home, now)
        self._mark = f"{_code_mark()} {_own_rules_mark(fleet_home)}"
        self._used: dict[str, object] = {}
        self._recall()

    def read(self, frame: Frame, kind: str) -> tuple[Screen | None, Reading]:
        """As ``Readings.read``."""
        key = self._key(frame, kind)
        if (known := _kept.get(key)) is not None:
            try:
                reading = from_kept(known)
                self._used[key] = known
                return None, reading
            except (ValueError, TypeError):
                _kept.pop(key, None)
        screen, reading = super().read(frame, kind)
        if (kept := as_kept(reading)) is not None:
            self._used[key] = _kept[key] = kept
            if len(_kept) > MOST_KEPT:
                _forget_oldest()
        return screen, reading

    def keep(self) -> None:
        """For the next process, those of this look. What cannot be written is read again then."""
        if self._used.keys() == _on_disk.get(self._file, frozenset()):
            return
        if cache(self._file, encode({"mark": self._mark, "readings": self._used}), 1):
            _on_disk[self._file] = frozenset(self._used)

    @property
    def _file(self) -> Path:
        return self._fleet_home / "readings" / "screens.json"

    def _recall(self) -> None:
        """Once in a process: what an earlier one kept, if the code and the rules were the same."""
        if self._file in _on_disk:
            return
        _on_disk[self._file] = frozenset()
        try:
            told = load(self._file, LARGEST_BYTES)
            if told["mark"] == self._mark:
                _kept.update(told["readings"])
                _on_disk[self._file] = frozenset(told["readings"])
        except (OSError, ValueError, KeyError, TypeError):
            return

    def _key(self, frame: Frame, kind: str) -> str:
        facts = frame.facts
        about = repr((self._mark, kind, facts.command, facts.title, facts.width))
        seen = "\n".join((about, *frame.lines))
        return hashlib.sha256(seen.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def digest_above(texts: Sequence[str], box: Box | None) -> str:
    """Of the lines above the input box, of all of them where there is none."""
    above = texts if box is None else texts[: box.top]
    return hashlib.sha256("\n".join(above).encode("utf-8", "replace")).hexdigest()[:16]


def _forget_oldest() -> None:
    """A quarter of them; other threads may read meanwhile."""
    for key in list(_kept)[: MOST_KEPT // 4]:
        _kept.pop(key, None)


def forget_readings() -> None:
    """As at the start of a process."""
    _kept.clear()
    _on_disk.clear()


@lru_cache(maxsize=1)
def _code_mark() -> str:
    """What tells this code and its rules from any other, as they were when this process first looked."""
    files = (entry for folder in READ_BY for entry in os.scandir(PACKAGE / folder) if entry.is_file())
    stamps = sorted((entry.path, entry.stat().st_mtime_ns, entry.stat().st_size) for entry in files)
    return hashlib.sha256(repr((sys.version, stamps)).encode()).hexdigest()[:32]


def _own_rules_mark(fleet_home: Path) -> str:
    """The same of the user's own rules."""
    try:
        stamps = sorted(
            (entry.path, found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode)
            for entry in os.scandir(fleet_home / "rules")
            for found in (entry.stat(),)
        )
    except OSError:
        return ""
    return repr(stamps)
