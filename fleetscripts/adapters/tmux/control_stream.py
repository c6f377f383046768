"""Parses tmux's control mode: which panes exist and what changed.

Nothing that a pane could have written is trusted: a command's answer ends with the very triple that began it, and a
listing follows a random name made for this connection."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field

from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

_BLOCK = pattern(rb"%(begin|end|error) (\d+ \d+ \d+)")
_ROW = pattern(rb"(%\d+) ([01]) (\d+) (\S*) (\d+) (\$\d+:\S*:\d+)")


@dataclass(frozen=True, slots=True)
class PaneSign:
    """One listing's row for a pane: enough to decide on a look."""

    dead: bool
    pid: int
    command: str
    activity: int
    """The second of the last output in its window."""
    places: frozenset[str] = frozenset()
    """Session and number of its window, for each session that shows it: a new number is news."""


@dataclass(frozen=True, slots=True)
class PaneNews:
    """Panes by id. ``changed``: new, dead, in another place, or with another foreground command. ``moved``: only had
    output."""

    changed: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.changed or self.moved or self.gone)


@dataclass
class ControlStream:
    """One connection's lines, fed one by one."""

    name: str = field(default_factory=lambda: f"fleet{os.urandom(8).hex()}")
    attached: bool = False
    """Whether commands can be given: before, tmux reports that there is no current client."""
    refused: bool = False
    """Whether tmux did not understand a command: it is older than 3.2."""
    _open: bytes | None = None
    _panes: Mapping[str, PaneSign] | None = None

    @property
    def subscribe(self) -> str:
        """The command that subscribes to all panes of all sessions, with updates at most once a second."""
        command = "#{s/[^A-Za-z0-9_.-]/_/:pane_current_command}"
        session = "#{session_id}:#{s/[^A-Za-z0-9_.-]/_/:session_name}"
        place = f"{session}:#{{window_index}}"
        row = f"#{{pane_id}} #{{pane_dead}} #{{pane_pid}} {command} #{{window_activity}} {place} "
        return f'refresh-client -B "{self.name}::#{{S:#{{W:#{{P:{row}}}}}}}"\n'

    def feed(self, line: bytes) -> PaneNews | None:
        """News in one line (without its newline), None if there is none. In the first listing every pane is new."""
        mark = _BLOCK.fullmatch(line)
        if self._open is not None:
            if mark is not None and mark[1] != b"begin" and mark[2] == self._open:
                self._open = None
                self.refused = self.refused or mark[1] == b"error"
                self.attached = not self.refused
            return None
        if mark is not None and mark[1] == b"begin":
            self._open = mark[2]
            return None
        head, found, listing = line.partition(b" : ")
        if not found or not head.startswith(b"%subscription-changed " + self.name.encode() + b" "):
            return None
        return self._compare(_panes(listing))

    def _compare(self, now: Mapping[str, PaneSign]) -> PaneNews:
        before, self._panes = self._panes or {}, now
        changed = {
            pane for pane, sign in now.items() if pane not in before or _standing(before[pane]) != _standing(sign)
        }
        moved = {pane for pane, sign in now.items() if pane not in changed and before[pane] != sign}
        return PaneNews(frozenset(changed), frozenset(moved), frozenset(before.keys() - now.keys()))


def _panes(listing: bytes) -> dict[str, PaneSign]:
    """Rows of a listing; a pane of a window linked into two sessions appears twice."""
    found: dict[str, PaneSign] = {}
    for row in _ROW.finditer(listing):
        pane, place = row[1].decode(), row[6].decode("ascii", "replace")
        places = found[pane].places if pane in found else frozenset()
        command = row[4].decode("ascii", "replace")
        found[pane] = PaneSign(row[2] == b"1", int(row[3]), command, int(row[5]), places | {place})
    return found


def _standing(sign: PaneSign) -> tuple[object, ...]:
    return sign.dead, sign.pid, sign.command, sign.places
