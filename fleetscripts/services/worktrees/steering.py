"""Ignored files in a worktree that configure the agent there and must not pass to the next one."""

from __future__ import annotations

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.ignored import ignored_of
from fleetscripts.agents.kinds import known_kinds

STEERING = (
    *("AGENT.md", "CONVENTIONS.md", "CRUSH.md", "GEMINI.md", "QWEN.md", "WARP.md", ".rules"),
    *(".aider.conf.yml", ".amazonq/**", ".augment/**", ".clinerules", ".clinerules/**", ".continue/**"),
    *(".cursor/**", ".cursorrules", ".gemini/**", ".goosehints", ".junie/**", ".kilocode/**", ".kiro/**"),
    *(".opencode/**", "opencode.json*", ".qwen/**", ".roo/**", ".roorules", ".trae/**", ".windsurf/**"),
    *(".windsurfrules", ".github/copilot-instructions.md", ".github/instructions/**"),
)
"""What coding agents of other kinds than ours read; patterns, as in ``AgentKind.steering``."""


def steering(git: Git) -> list[str]:
    """Ignored files that some client reads as its instructions, permissions or programs; with a slash at the end for a
    repository in their place, which only its owner can move."""
    names = dict.fromkeys((*(name for kind in known_kinds() for name in kind.steering), *STEERING))
    work = tuple(folder for kind in known_kinds() for folder in kind.sub_worktrees)
    return [path for path in ignored_of(git, names) if not path.startswith(work)]


def drop_steering(git: Git) -> None:
    """Remove them; the caller has saved them."""
    for path in steering(git):
        if not path.endswith("/"):
            (git.folder / path).unlink(missing_ok=True)
