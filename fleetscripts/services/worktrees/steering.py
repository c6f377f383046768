"""Ignored files in a worktree that configure the agent there and must not pass to the next one."""

from __future__ import annotations

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.ignored import ignored_of
from fleetscripts.agents.kinds import known_kinds

OTHER_TOOLS = ("GEMINI.md", ".cursor/**")
"""What tools read so that are no kinds of ours."""


def steering(git: Git) -> list[str]:
    """Ignored files that some client reads as its instructions, permissions or programs."""
    names = dict.fromkeys((*(name for kind in known_kinds() for name in kind.steering), *OTHER_TOOLS))
    return ignored_of(git, names)


def drop_steering(git: Git) -> None:
    """Remove them; whoever calls has saved them."""
    for path in steering(git):
        (git.folder / path).unlink(missing_ok=True)
