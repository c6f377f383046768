"""Ignored files in a worktree that configure the agent there and must not pass to the next one."""

from __future__ import annotations

from fleetscripts.adapters.git.git import Git
from fleetscripts.adapters.git.ignored import ignored_of
from fleetscripts.agents.kinds import known_kinds

OTHER_TOOLS = (
    *(
        "GEMINI.md",
        ".gemini/**",
        ".cursor/**",
        ".cursorrules",
        ".windsurf/**",
        ".windsurfrules",
        ".clinerules",
        ".clinerules/**",
    ),
    *(
        ".roo/**",
        ".roorules",
        ".rules",
        ".junie/**",
        ".kiro/**",
        ".kilocode/**",
        ".continue/**",
        ".augment/**",
        ".amazonq/**",
    ),
    *(
        ".qwen/**",
        "QWEN.md",
        ".trae/**",
        ".opencode/**",
        "opencode.json*",
        ".goosehints",
        ".aider.conf.yml",
        "CONVENTIONS.md",
    ),
    *(
        "AGENT.md",
        "WARP.md",
        "CRUSH.md",
        ".github/copilot-instructions.md",
        ".github/instructions/**",
    ),
)
"""Files read so by tools other than our agent kinds."""


def steering(git: Git) -> list[str]:
    """Ignored files that some client reads as its instructions, permissions or programs; with a slash at the end for a
    repository in their place, which only its owner can move."""
    names = dict.fromkeys((*(name for kind in known_kinds() for name in kind.steering), *OTHER_TOOLS))
    work = tuple(folder for kind in known_kinds() for folder in kind.sub_worktrees)
    return [path for path in ignored_of(git, names) if not path.startswith(work)]


def drop_steering(git: Git) -> None:
    """Remove them; the caller has saved them."""
    for path in steering(git):
        if not path.endswith("/"):
            (git.folder / path).unlink(missing_ok=True)
