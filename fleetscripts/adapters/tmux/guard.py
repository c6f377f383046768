"""The condition under which a pane may be touched, as one tmux format: decided inside the server, in the same step."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fleetscripts.models import PaneFacts, ServerId

_COMMAND = re.compile(r"[A-Za-z0-9_.+@ -]+\Z")


@dataclass(frozen=True, slots=True)
class Guard:
    """The pane as it was seen: same server, same pane, same process, one of ``commands`` in the foreground.

    ``cursor``: column and row where the cursor must still be, None for anywhere. The clients put it at the end of
    what is typed, and on a dialog's focused row: somebody's key or a new dialog moves it.
    """

    server: ServerId
    pane_id: str
    pane_pid: int
    commands: tuple[str, ...]
    cursor: tuple[int, int] | None = None

    @classmethod
    def of(cls, server: ServerId, facts: PaneFacts, commands: tuple[str, ...] | None = None) -> Guard:
        """The guard for a pane just read; without ``commands`` the foreground command must stay what it is."""
        return cls(server, facts.pane_id, facts.pid, (facts.command,) if commands is None else commands)

    @property
    def condition(self) -> str:
        """A format that is ``1`` only when everything holds; a pane that is gone makes it ``0``.

        Pane ids are compared without their ``%``: tmux reads dates into formats.
        """
        tests = [
            _equal("pid", str(self.server.pid)),
            _equal("start_time", str(self.server.start_time)),
            f"#{{m:?{self._pane_number},#{{pane_id}}}}",
            _equal("pane_pid", str(self.pane_pid)),
            *(f"#{{==:#{{{flag}}},0}}" for flag in _FLAGS_OFF),
            *self._cursor_tests,
            self._foreground,
        ]
        condition = tests[-1]
        for test in reversed(tests[:-1]):
            condition = f"#{{&&:{test},{condition}}}"
        return condition

    @property
    def _pane_number(self) -> str:
        if not re.fullmatch(r"%\d+", self.pane_id):
            raise ValueError(f"not a pane id: {self.pane_id!r}")
        return self.pane_id[1:]

    @property
    def _cursor_tests(self) -> tuple[str, ...]:
        if self.cursor is None:
            return ()
        return tuple(_equal(name, str(at)) for name, at in zip(("cursor_x", "cursor_y"), self.cursor, strict=True))

    @property
    def _foreground(self) -> str:
        """A command with signs of tmux's own in it can not be told apart safely, so it never passes."""
        condition = "0"
        for command in self.commands:
            if _COMMAND.match(command):
                condition = f"#{{||:{_equal('pane_current_command', command)},{condition}}}"
        return condition


_FLAGS_OFF = ("pane_dead", "pane_in_mode", "pane_input_off", "pane_synchronized")


def _equal(name: str, value: str) -> str:
    return f"#{{==:#{{{name}}},{value}}}"
