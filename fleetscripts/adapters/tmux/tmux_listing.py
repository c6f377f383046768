"""Formats and parses rows of ``list-panes``.

Names, titles and paths may contain any text (TABs and newlines too), so fields and rows are separated by a random
token."""

from __future__ import annotations

import os
from collections.abc import Iterator

from fleetscripts.dataclass import dataclass
from fleetscripts.models import PaneFacts

_FIELDS = (
    "pane_id",
    "window_id",
    "session_name",
    "session_id",
    "window_index",
    "pane_active",
    "pane_current_command",
    "pane_pid",
    "pane_dead",
    "pane_in_mode",
    "pane_input_off",
    "pane_synchronized",
    "alternate_on",
    "cursor_flag",
    "cursor_x",
    "cursor_y",
    "pane_width",
    "pane_height",
    "window_activity",
    "window_name",
    "pane_title",
    "pane_current_path",
)


@dataclass(frozen=True, slots=True)
class ListingRow:
    """One pane as one session shows it; a window linked into two sessions has two rows."""

    facts: PaneFacts
    active: bool


def token() -> str:
    """A word that no pane can guess; without ``%``, which ``display-message`` would read as a date."""
    return os.urandom(12).hex()


def row_format(mark: str) -> str:
    """The ``-F`` argument: the mark before every field and one at the end."""
    return "".join(f"{mark}#{{{name}}}" for name in _FIELDS) + mark


def rows(answer: bytes, mark: str) -> Iterator[ListingRow]:
    """The panes in a listing made with ``row_format(mark)``."""
    fields = answer.decode("utf-8", "surrogateescape").split(mark)
    width = len(_FIELDS) + 1
    for start in range(1, len(fields) - width + 1, width):
        yield _row(fields[start : start + width - 1])


def _row(fields: list[str]) -> ListingRow:
    """Fields in the order of ``_FIELDS``."""
    pane_id, window_id, session, session_id, index, active, command, pid, *flags_and_numbers, name, title, path = fields
    dead, in_mode, input_off, synchronized, alternate, cursor_visible = map(_flag, flags_and_numbers[:6])
    cursor_x, cursor_y, width, height, activity = map(_number, flags_and_numbers[6:])
    facts = PaneFacts(
        pane_id=pane_id,
        window_id=window_id,
        session=session,
        session_id=session_id,
        window_index=_number(index),
        window_name=name,
        command=command,
        title=title,
        path=path,
        pid=_number(pid),
        dead=dead,
        in_mode=in_mode,
        input_off=input_off,
        synchronized=synchronized,
        alternate=alternate,
        cursor_x=cursor_x,
        cursor_y=cursor_y,
        cursor_visible=cursor_visible,
        width=width,
        height=height,
        activity=activity,
    )
    return ListingRow(facts, active == "1")


def _number(field: str) -> int:
    return int(field) if field.isdigit() else 0


def _flag(field: str) -> bool:
    return field not in ("", "0")
