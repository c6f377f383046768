"""Rows of ``list-panes``: the format that asks for them and the reading of the answer.

Names, titles and paths may hold any text (TABs and newlines too), so fields and rows are set apart by a random token.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from fleetscripts.models import PaneFacts

_FIELDS = (
    "pane_id",
    "window_id",
    "session_id",
    "session_name",
    "window_index",
    "pane_active",
    "pane_current_command",
    "pane_pid",
    "pane_dead",
    "pane_in_mode",
    "pane_input_off",
    "pane_synchronized",
    "alternate_on",
    "cursor_x",
    "cursor_y",
    "cursor_flag",
    "pane_width",
    "pane_height",
    "window_activity",
    "history_size",
    "window_name",
    "pane_title",
    "pane_current_path",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One pane as one session shows it; a window linked into two sessions has two rows."""

    facts: PaneFacts
    session_id: str
    active: bool


def token() -> str:
    """A word that no pane can have guessed; no ``%`` in it, which ``display-message`` would read as a date."""
    return secrets.token_hex(12)


def row_format(mark: str) -> str:
    """The ``-F`` argument: the mark before every field and one at the end."""
    return "".join(f"{mark}#{{{name}}}" for name in _FIELDS) + mark


def rows(answer: bytes, mark: str) -> Iterator[Row]:
    """The panes in a listing made with ``row_format(mark)``."""
    fields = [field.decode("utf-8", "surrogateescape") for field in answer.split(mark.encode())[1:]]
    width = len(_FIELDS) + 1
    for start in range(0, len(fields) - width + 1, width):
        yield _row(dict(zip(_FIELDS, fields[start:], strict=False)))


def _row(value: dict[str, str]) -> Row:
    facts = PaneFacts(
        pane_id=value["pane_id"],
        window_id=value["window_id"],
        session=value["session_name"],
        window_index=_number(value["window_index"]),
        window_name=value["window_name"],
        command=value["pane_current_command"],
        title=value["pane_title"],
        path=value["pane_current_path"],
        pid=_number(value["pane_pid"]),
        dead=_flag(value["pane_dead"]),
        in_mode=_flag(value["pane_in_mode"]),
        input_off=_flag(value["pane_input_off"]),
        synchronized=_flag(value["pane_synchronized"]),
        alternate=_flag(value["alternate_on"]),
        cursor_x=_number(value["cursor_x"]),
        cursor_y=_number(value["cursor_y"]),
        cursor_visible=_flag(value["cursor_flag"]),
        width=_number(value["pane_width"]),
        height=_number(value["pane_height"]),
        activity=_number(value["window_activity"]),
        history_size=_number(value["history_size"]),
    )
    return Row(facts, value["session_id"], _flag(value["pane_active"]))


def _number(field: str) -> int:
    return int(field) if field.isdigit() else 0


def _flag(field: str) -> bool:
    return field not in ("", "0")
