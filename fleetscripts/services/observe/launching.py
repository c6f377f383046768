"""Whether a pane still runs our launch wrapper."""

from __future__ import annotations

from fleetscripts.adapters.system.processes import arguments, read_processes
from fleetscripts.core.planning.classify import is_shell
from fleetscripts.models import PaneFacts


def still_launching(facts: PaneFacts) -> bool:
    """Whether the user's shell has not started there yet: the pane's own process is our wrapper, or its fork. Between
    tmux's fork and the wrapper's start tmux already calls it a shell, by the command line that it will run."""
    process = read_processes().by_pid.get(facts.pid)
    words = arguments(process) if process is not None else ()
    runs_shell = bool(words) and is_shell(words[0].rpartition("/")[2])
    return not facts.dead and (not runs_shell or WRAPPER in words[:4])


WRAPPER = "fleet-launch"
"""The wrapper's own name in the process list (its ``$0``)."""
