"""A person's mark on a pane, stored in the pane itself: it disappears with it."""

from __future__ import annotations

from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
from fleetscripts.errors import FleetError

MINE = "@fleet_mine"
"""A user option of tmux; set on a window or a session it applies to all its panes."""


def mark_mine(tmux: Tmux, pane_id: str) -> None:
    """Mark this pane as the person's own."""
    if problem := tmux.change("set-option", pane_id, "-p", MINE, "1"):
        raise FleetError(f"tmux did not mark pane {pane_id}: {problem}")


def marked_mine(tmux: Tmux) -> set[str]:
    """Ids of the panes marked as the person's own."""
    try:
        listed = tmux.client.ask("list-panes", "-a", "-F", f"#{{pane_id}} #{{?{MINE},mine,}}").stdout
    except NoServer:
        return set()
    words = [row.split() for row in listed.decode("ascii", "replace").splitlines()]
    return {row[0] for row in words if row[1:] == ["mine"]}
