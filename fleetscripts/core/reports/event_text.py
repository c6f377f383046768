"""Events as text for a model: everything needed to decide, within a bounded length."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.reports.review import NOTHING, Item, Review, item_lines, repair_lines, sections

MOST_CHARACTERS = 8_000
LONGEST_LINE = 240
MOST_REPAIRS = 10
ROOM_FOR_A_SECTION = 1_000
"""Characters reserved for the parts to come."""
SCREEN_LINES = 8
"""How many of a pane's last lines are shown if no question was read on it."""


def events_text(items: Sequence[Item], room: int = MOST_CHARACTERS) -> tuple[list[str], int]:
    """The lines, at most ``room`` characters together, and how many of the items they cover: at least one."""
    lines: list[str] = []
    for at, item in enumerate(items):
        more = [shortened(line) for line in item_lines(item)]
        if at and _size(lines) + _size(more) > room - LONGEST_LINE:
            return lines, at
        lines += more
    return lines, len(items)


def review_text(review: Review) -> list[str]:
    """A review within MOST_CHARACTERS: decisions first, then what waits, then proposals."""
    if review.nothing:
        return [NOTHING]
    repaired = [shortened(line) for line in repair_lines(review)]
    lines = repaired[:MOST_REPAIRS] + and_more(len(repaired[MOST_REPAIRS:]))
    left = len(sections(review)) * ROOM_FOR_A_SECTION
    for title, items in sections(review):
        left -= ROOM_FOR_A_SECTION
        told, shown = events_text(items, MOST_CHARACTERS - _size(lines) - left)
        lines += [f"{title}:", *told, *(f"  {line}" for line in and_more(len(items) - shown))]
    return lines


def within(lines: Sequence[str], room: int = MOST_CHARACTERS) -> list[str]:
    """As many of the first lines as fit, each shortened, and how many more there are."""
    kept: list[str] = []
    for at, line in enumerate(map(shortened, lines)):
        room -= len(line) + 1
        if room < LONGEST_LINE:
            return [*kept, *and_more(len(lines) - at)]
        kept.append(line)
    return kept


def and_more(left: int) -> list[str]:
    """The line in place of those that did not fit."""
    return [f"and {left} more"] if left else []


def one_line(item: Item) -> str:
    """An event on one line, for a reader to whom each line is one message."""
    said = "; ".join([*item.question, *(f"row: {row}" for row in item.rows)])
    parts = [f"{item.window}: {item.what}", said, *(f"→ {call}" for call in item.next)]
    return shortened(" | ".join(part for part in parts if part), 2 * LONGEST_LINE)


def shortened(line: str, most: int = LONGEST_LINE) -> str:
    """The line, with an ellipsis if its end was cut off."""
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)
