"""The screen excerpts of a heartbeat: last lines, or a question with its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fleetscripts.adapters.tmux.scrollback import last_lines
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.core.records.redact import redact_lines
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.core.reports.plain_lines import plain_lines
from fleetscripts.core.reports.review import Item
from fleetscripts.core.screen.screen import Screen
from fleetscripts.models import Frame
from fleetscripts.services.typing.dialogs import keys_on, menu_on

LINES = 30
"""Per screen, unless more are requested."""

WITHOUT = frozenset({"evaluate", "dead_pane"})
"""Decisions for which no screen is needed."""


def with_screens(tmux: Tmux, items: Iterable[Item], lines: int) -> tuple[Item, ...]:
    """The items with their panes' text, secrets masked; for a dialog the question and its rows."""
    listed = tuple(items)
    wanted = [item.pane_id for item in listed if item.pane_id and item.kind not in WITHOUT]
    frames = {frame.facts.pane_id: frame for frame in tmux.read_all(list(dict.fromkeys(wanted)))} if wanted else {}
    return tuple(
        item if item.kind in WITHOUT else _with(tmux, item, frames.get(item.pane_id), lines) for item in listed
    )


def _with(tmux: Tmux, item: Item, frame: Frame | None, lines: int) -> Item:
    if frame is None:
        return item
    texts = Screen.of(frame.lines).texts if lines <= LINES else last_lines(tmux, item.pane_id, lines)
    known = str(item.about.get("objective", ""))
    shown = [visible_line(line) for line in plain_lines(redact_lines(texts), known)]
    item = replace(item, screen=tuple(shown[-lines:] if lines else ()))
    asks = item.kind == "dialog" or "dialog)" in item.what
    menu = (menu_on(frame) or keys_on(frame)) if asks else None
    if menu is None:
        return item
    rows = tuple(sanitize(row.text) for row in menu.rows)
    question = tuple(visible_line(line) for line in plain_lines(redact_lines(menu.question)))
    return replace(item, rows=rows, question=question)


def visible_line(line: str) -> str:
    """One line with its indentation, and nothing that a terminal would obey."""
    return " " * min(len(line) - len(line.lstrip()), 40) + sanitize(line)
