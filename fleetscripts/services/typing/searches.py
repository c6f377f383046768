"""Whether a client's own search tools stay within the worktree and contain no hidden options."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from fleetscripts.core.permissions.command_policy import PathUse
from fleetscripts.services.typing.permitted_paths import RequestPlace, why_not

MOST_ALTERNATIVES = 200
BRACES = re.compile(r"\{([^{}]*)\}")
DOTS = re.compile(r"[][()?*+@!|^.-]*\.[][()?*+@!|^.-]*")
"""A part with only dots and pattern characters: some releases of a client read ``[.][.]`` as ``..``."""
HARD = re.compile(r"\*\*|[\[\]()!+@|]")
NUMBERS = ("-A", "-B", "-C", "context", "head_limit", "offset")
NAMES = ("type", "output_mode")


def why_not_files(tool_input: Mapping[str, Any], folder: str, place: RequestPlace) -> str | None:
    """Why this search for files needs a person, or None: its pattern may only lead further down."""
    pattern = tool_input.get("pattern")
    if not isinstance(pattern, str) or not pattern or "\0" in pattern:
        return "Glob names no pattern"
    leaves = f"the pattern {pattern[:40]!a} may leave the worktree"
    alternatives = _alternatives(pattern)
    if "\\" in pattern or alternatives is None:
        return leaves
    for alternative in alternatives:
        if any(DOTS.fullmatch(part) and part != "." for part in alternative.split("/")):
            return leaves
        if alternative[:1] in ("/", "~") or ".." in alternative or "{" in alternative:
            return leaves
        if reason := why_not(_met_by(posixpath.join(folder, alternative), len(folder)), place):
            return reason
    return None


def why_not_contents(tool_input: Mapping[str, Any]) -> str | None:
    """Why this search in files needs a person, or None: nothing of it may read as an option."""
    pattern, only = tool_input.get("pattern"), tool_input.get("glob", "")
    if not isinstance(pattern, str) or pattern.startswith("-"):
        return "Grep's pattern is not judged"
    if not isinstance(only, str) or re.search(r"(?:^|[\s,])-", only):
        return "Grep's glob is not judged"
    for name in NUMBERS:
        if not re.fullmatch(r"[0-9]{1,9}", str(tool_input.get(name, 0))):
            return f"Grep's {name} is no number"
    for name in NAMES:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_+-]*", str(tool_input.get(name, "x"))):
            return f"Grep's {name} is not judged"
    return None


def _alternatives(pattern: str) -> list[str] | None:
    """The pattern for each choice in its braces; None if there are too many."""
    found = [pattern]
    while any(BRACES.search(text) for text in found):
        found = [
            text[: braces.start()] + choice + text[braces.end() :]
            for text in found
            for braces in [BRACES.search(text)]
            if braces
            for choice in braces[1].split(",")
        ] + [text for text in found if not BRACES.search(text)]
        if len(found) > MOST_ALTERNATIVES:
            return None
    return found


def _met_by(path: str, fixed: int) -> PathUse:
    """Reading the pattern's matches, down to its first part that only the program itself can interpret."""
    parts = path[fixed:].split("/")
    hard = next((at for at, part in enumerate(parts) if HARD.search(part)), len(parts))
    shown = path[:fixed] + "/".join(parts[:hard])
    return PathUse(shown or ".", "read", tuple(at for at in range(fixed, len(shown)) if shown[at] in "*?"))
