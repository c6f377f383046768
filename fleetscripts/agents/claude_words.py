"""Parses the arguments of Claude Code."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.agents.kinds import Words

RESUME, CONTINUE = ("--resume", "-r"), ("--continue", "-c")
PRINT = ("--print", "-p")

_WITH_VALUE = frozenset({
    "--session-id", "--permission-mode", "-n", "--name", "--settings", "--model", "--add-dir", "--agent", "--agents",
    "--allowedTools", "--allowed-tools", "--append-system-prompt", "--disallowedTools", "--disallowed-tools",
    "--fallback-model", "--input-format", "--mcp-config", "--output-format", "--plugin-dir", "--system-prompt",
    "--setting-sources", "--effort", "--betas", "--json-schema", "--tools", "--max-budget-usd", "--max-turns",
})  # fmt: skip


def read_words(words: Sequence[str]) -> Words:
    """Read-only: the client gets the arguments as they are."""
    found: dict[str, object] = {"others": ()}
    others: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            found["prompt"] = " ".join(left)
            break
        if name in RESUME:
            found["resumes"] = True
            if equals:
                found["session_id"] = value
            elif left and not left[0].startswith("-"):
                found["session_id"] = left.pop(0)
        elif name in CONTINUE:
            found["resumes"] = found["continues"] = True
        elif name in PRINT:
            found["prints"] = True
        elif name == "--dangerously-skip-permissions":
            found["permission_mode"] = "bypassPermissions"
        elif name == "--fork-session":
            found["forks"] = True
        elif not name.startswith("-"):
            found["prompt"] = word
        else:
            value = value if equals else left.pop(0) if name in _WITH_VALUE and left else ""
            if name == "--permission-mode":
                found["permission_mode"] = value
            elif name == "--settings":
                found["has_settings"] = True
            elif name == "--model":
                found["model"] = value
                others.append(name)
            elif name != "--session-id":
                others.append(name)
    found["others"] = tuple(others)
    return Words(**found)  # type: ignore[arg-type]
