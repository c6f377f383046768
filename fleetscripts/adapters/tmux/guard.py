"""The condition for touching a pane, as one tmux format: evaluated inside the server, in the same step."""

from __future__ import annotations

import re

from fleetscripts.dataclass import dataclass
from fleetscripts.models import PaneFacts, ServerId
from fleetscripts.pattern import pattern

_COMMAND = pattern(r"[A-Za-z0-9_.+@ -]+\Z")


@dataclass(frozen=True, slots=True)
class Guard:
    """The pane as it was seen: same server, same pane, same process, one of ``commands`` in the foreground.

    ``cursor``: column and row where the cursor must still be, None for anywhere. The clients put it at the end of what
    is typed, and on a dialog's focused row: any key or new dialog moves it."""

    server: ServerId
    pane_id: str
    pane_pid: int
    commands: tuple[str, ...]
    cursor: tuple[int, int] | None = None

    @classmethod
    def of(cls, server: ServerId, facts: PaneFacts, commands: tuple[str, ...] | None = None) -> Guard:
        """The guard for a pane just read; without ``commands`` the foreground command must not change."""
        return cls(server, facts.pane_id, facts.pid, (facts.command,) if commands is None else commands)

    @property
    def condition(self) -> str:
        """A format that is ``1`` only if everything holds; for a missing pane it is ``0``.

        Three levels deep at most: tmux before 3.2 does not expand levels beyond ten, and any remaining text counts as
        true. Pane ids are compared without their ``%``: dates are expanded in formats."""
        facts = {"pid": self.server.pid, "start_time": self.server.start_time, "pane_pid": self.pane_pid}
        facts |= dict.fromkeys(_FLAGS_OFF, 0)
        if self.cursor is not None:
            facts |= dict(zip(("cursor_x", "cursor_y"), self.cursor, strict=True))
        shown = " ".join(f"#{{{name}}}" for name in facts)
        wanted = " ".join(map(str, facts.values()))
        pane = f"#{{m:?{self._pane_number},#{{pane_id}}}}"
        return f"#{{m:11*1*,{pane}#{{==:{shown},{wanted}}}{self._foreground}}}"

    @property
    def _pane_number(self) -> str:
        if not re.fullmatch(r"%\d+", self.pane_id):
            raise ValueError(f"not a pane id: {self.pane_id!r}")
        return self.pane_id[1:]

    @property
    def _foreground(self) -> str:
        """A test for each command; one with tmux's own special characters cannot be matched safely and has none."""
        told_apart = [command for command in self.commands if _COMMAND.match(command)]
        return "".join(f"#{{==:#{{pane_current_command}},{command}}}" for command in told_apart)


_FLAGS_OFF = ("pane_dead", "pane_in_mode", "pane_input_off", "pane_synchronized")
