"""Assigns journal lines to agents: windows are renumbered, panes are reused, records stay."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Line: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[str, float]
"""The worktree's name and when the agent was spawned."""

LAST_TIME = 4e9
BEFORE_SECONDS = 180.0
"""A spawned agent's start-up dialogs and briefing precede the line that names it."""


@dataclass(slots=True)
class Story:
    """One agent's lines, oldest first; window and branch as last written."""

    key: Key
    window: str = ""
    branch: str = ""
    lines: list[Line] = field(default_factory=list)


def at_of(line: Line) -> float:
    """When it was written; 0 for a line without a valid time."""
    at = line.get("at")
    return float(at) if isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at <= LAST_TIME else 0.0


def text_of(line: Line, name: str) -> str:
    """A text field, else empty."""
    value = line.get(name)
    return value if isinstance(value, str) else ""


def key_of(line: Line) -> Key | None:
    """The record that a line names; None for one that names only a window."""
    spawned = line.get("spawned_at")
    if not isinstance(spawned, int | float) or isinstance(spawned, bool) or spawned != spawned:
        return None
    return (text_of(line, "worktree"), float(spawned))


def stories(lines: Iterable[Line]) -> dict[Key, Story]:
    """Every agent in the journal, in order of appearance, with all its lines."""
    found: dict[Key, Story] = {}
    holders: dict[str, tuple[float, Key]] = {}
    ids: dict[str, Key] = {}
    unclaimed: deque[Line] = deque(maxlen=500)
    for line in lines:
        key = key_of(line)
        if key is not None and text_of(line, "id"):
            ids[text_of(line, "id")] = key
        if key is None:
            key = ids.get(text_of(line, "id")) if text_of(line, "id") else _holder(line, holders)
            if key is None:
                unclaimed.append(line)
            else:
                found[key].lines.append(line)
                _leave(line, key, holders)
            continue
        story = found.get(key)
        if story is None:
            story = found[key] = Story(key)
            story.lines += _its_beginning(line, unclaimed)
        story.window = text_of(line, "window") or story.window
        story.branch = text_of(line, "branch") or story.branch
        story.lines.append(line)
        for place in _places(line):
            holders[place] = (at_of(line), key)
        _leave(line, key, holders)
    return found


def _leave(line: Line, key: Key, holders: dict[str, tuple[float, Key]]) -> None:
    """A recycled agent has left its window and pane: later lines there are about another one."""
    if "recycled" in (text_of(line, "event"), text_of(line, "state")):
        for place in [place for place, (_, holder) in holders.items() if holder == key]:
            del holders[place]


def _places(line: Line) -> list[str]:
    return [place for name in ("window", "pane_id") if (place := text_of(line, name))]


def _holder(line: Line, holders: Mapping[str, tuple[float, Key]]) -> Key | None:
    """The last agent there, by window or pane, whichever line is later."""
    known = [holders[place] for place in _places(line) if place in holders]
    return max(known)[1] if known else None


def _its_beginning(line: Line, unclaimed: Iterable[Line]) -> list[Line]:
    """Lines with its id; among those without one, lines from the same pane shortly before it was named."""
    name, pane, begun = text_of(line, "id"), text_of(line, "pane_id"), at_of(line) - BEFORE_SECONDS
    return [
        one
        for one in unclaimed
        if (text_of(one, "id") == name if name and text_of(one, "id") else pane and text_of(one, "pane_id") == pane)
        and (at_of(one) >= begun or (name and text_of(one, "id") == name))
    ]
