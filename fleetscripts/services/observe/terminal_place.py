"""Whether this terminal is inside a given tmux server, inside another one, or outside tmux."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from fleetscripts.models import ServerId


class TerminalPlace(StrEnum):
    """How a pane can be shown here: the tmux client switches, it cannot, or the terminal attaches."""

    INSIDE = "inside"
    OTHER_TMUX = "other tmux"
    OUTSIDE = "outside"


def terminal_place(environ: Mapping[str, str], server: ServerId) -> TerminalPlace:
    """By ``TMUX``, which tmux sets for its children."""
    words = environ.get("TMUX", "").rsplit(",", 2)
    if len(words) != 3:
        return TerminalPlace.OUTSIDE
    return TerminalPlace.INSIDE if words[1] == str(server.pid) else TerminalPlace.OTHER_TMUX
