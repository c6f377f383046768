"""The last lines of a pane, beyond its screen. Only on request: the server blocks while it reads."""

from __future__ import annotations

import re

from fleetscripts.adapters.tmux.tab_stops import without_tabs
from fleetscripts.adapters.tmux.tmux import Tmux

MOST_LINES = 2000


def last_lines(tmux: Tmux, pane_id: str, lines: int) -> list[str]:
    """At most so many lines from the end of the pane's history and screen, without trailing blank ones."""
    if not re.fullmatch(r"%\d+", pane_id):
        raise ValueError(f"not a pane id: {pane_id!r}")
    count = min(lines, MOST_LINES)
    answer = tmux.client.ask("capture-pane", "-p", "-t", pane_id, "-S", f"-{count}")
    shown = answer.stdout.decode("utf-8", "replace").rstrip().split("\n")[-count:]
    return [without_tabs(text) for text in shown]
