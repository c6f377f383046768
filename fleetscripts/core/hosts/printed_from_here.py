"""What a command printed on a host, as text or as JSON, with its agents under their names from here."""

from __future__ import annotations

import json
from typing import Any

from fleetscripts.core.hosts.names_from_here import HostNames, call_from_here, text_from_here
from fleetscripts.pattern import pattern

WINDOW = pattern(r"[^\s/]+:\d+")

FOREIGN = frozenset({"diff", "objective", "pull_request", "question", "row", "rows", "screen", "text", "work"})
"""Members of printed JSON whose text is not ours: evidence, kept as it is."""

CALLS = frozenset({"calls", "next"})
"""Members whose texts are calls."""

PLACES = ("window", "pane_id")
NAMES = ("id", "worktree", "worktrees")


def members_from_here(value: Any, names: HostNames, name: str = "") -> Any:
    """Printed JSON of the host: its agents under the names by which they are called from here."""
    if isinstance(value, dict):
        return {key: one if key in FOREIGN else members_from_here(one, names, str(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [members_from_here(one, names, name) for one in value]
    if not isinstance(value, str) or not value:
        return value
    if name in PLACES or (name in NAMES and value in names.handles):
        return value if value.startswith(f"{names.host}/") else names.from_here(value)
    if name in CALLS:
        return call_from_here(value, names)
    return text_from_here(value, names) if " " in value or value in names.windows else value


def printed_from_here(text: str, names: HostNames, as_json: bool = False) -> str:
    """Output of a command there: as text, or as JSON where it is."""
    if as_json:
        try:
            return json.dumps(members_from_here(json.loads(text), names), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            pass  # a command may print a line of text in spite of --json
    alone = text.strip()  # a window that is the whole output, as for an agent that was just started
    windows = names.windows | ({alone} if WINDOW.fullmatch(alone) else set())
    return text_from_here(text, HostNames(names.host, windows, names.handles))
