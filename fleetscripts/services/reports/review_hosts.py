"""The heartbeat's items about other machines: that a loop is missing there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fleetscripts.core.reports.review import Item
from fleetscripts.invocation import spelled
from fleetscripts.services.reports.status import lacks_loop

if TYPE_CHECKING:
    from fleetscripts.services.hosts.mirrors import HostView


def loops_reviewed(views: Iterable[HostView]) -> list[Item]:
    """One item for each host without a loop for its agents at work."""
    return [
        Item("loop", "", f"{view.name}: no loop runs there, so nothing is recovered or verified between heartbeats",
             (f"{spelled('run-loop')} --window --host {view.name}",))
        for view in views
        if lacks_loop(view)
    ]  # fmt: skip
