"""Detects GitHub's secondary rate limit in an agent's tool output, never in quotations."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from fleetscripts.pattern import pattern

WAIT_SECONDS = 120
"""GitHub advises "a few minutes"; notifying twice within them would only make the agent retry sooner."""

_LIMIT = r"(?:secondary rate limit|abuse detection|submitted too quickly)"
_PRINTED = pattern(
    rf"^(?:gh: |GraphQL: |HTTP (?:403|429)[: ]|failed to \w[^\n]{{0,80}}: )[^\n]{{0,400}}{_LIMIT}"
    rf'|^\{{[^\n]{{0,2000}}"(?:code"\s*:\s*"abuse"|message"\s*:\s*"[^"\n]{{0,200}}{_LIMIT})',
    re.IGNORECASE | re.MULTILINE,
)
"""A line as ``gh`` prints it, or GitHub's JSON answer. A quotation has other words, or a number before it."""
_MARK = pattern(r"rate limit|abuse|too quickly")
"""Quick test for any of these: tools print megabytes."""


def met_limit(printed: str) -> bool:
    """Whether a tool's output says that GitHub refused because of too many writes."""
    return _MARK.search(printed) is not None and _PRINTED.search(printed) is not None


_COMMAND = pattern(
    r"(?:^|[;&|\n({`!]|\b(?:do|then|else)\b)[ \t]*"
    r"(?:[A-Za-z_]\w*=\S*[ \t]+|(?:timeout|nice|sleep)[ \t]+(?:-\S+[ \t]+)*[\d.]+\w?[ \t]+)*"
    r"(?P<name>[\w./~+-]+)(?P<words>[^;&|\n]*)"
)
"""Where a command may begin in a shell line; too many matches do no harm."""
_ASKING = frozenset({"gh", "hub", "curl", "wget", "http", "https", "bash", "sh", "zsh", "node", "deno", "bun", "npx"})
_STARTING = frozenset({"xargs", "time", "sudo", "env", "nohup", "exec", "command"})
MOST_WORDS = 12
"""How many words are checked for an indirect command."""
_SCRIPT = pattern(r"(?:\.{0,2}/|~/).+|python[\d.]*|.+\.(?:sh|py|js|ts)")
_INDIRECT = pattern(r"mcp__|bash_?output|task_?output|write_stdin", re.IGNORECASE)
"""Tools without a command of their own: a server's, or those that continue an earlier command."""
_SHOWING = pattern(r"\s+(?:(?:pr|issue|run|release|gist|repo|workflow)\s+(?:view|diff|list|status|checks)|search)\b")
"""``gh`` calls that show other people's texts."""


def may_ask_github(tool: str, given: object) -> bool:
    """Whether GitHub may have refused the call itself; a call that shows a file only quotes. ``given``: its input."""
    command = _command_in(given)
    if command is None:
        return _INDIRECT.match(tool) is not None
    return any(_asks(match["name"], match["words"]) for match in _COMMAND.finditer(command))


def _asks(name: str, words: str) -> bool:
    if name in _STARTING:
        return any(_asks(word, " ".join(rest)) for word, *rest in _tails(words.split()))
    if name in ("echo", "printf"):  # to standard error: a script's own word, not what it shows
        return words.rstrip().endswith((">", "1>", "/dev/stderr"))
    if name == "gh":
        return _SHOWING.match(f" {words.strip()}") is None
    return PurePosixPath(name).name in _ASKING or _SCRIPT.fullmatch(name) is not None


def _tails(words: list[str]) -> list[list[str]]:
    return [words[at:] for at in range(min(len(words), MOST_WORDS))]


def _command_in(given: object) -> str | None:
    """The shell line in a tool's input, in any client's form; None if there is none."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            return str(given)
    if not isinstance(given, Mapping):
        return None
    command = given.get("command", given.get("cmd"))
    if isinstance(command, list):
        words = [word for word in command if isinstance(word, str)]
        return words[-1] if len(words) > 2 and words[1] in ("-c", "-lc") else " ".join(words)
    return command if isinstance(command, str) else None
