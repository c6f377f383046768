"""Events as text for a model: bounded, without decoration, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.reports.event_text import MOST_CHARACTERS, and_more, events_text, one_line, review_text
from fleetscripts.core.reports.plain_lines import plain_lines
from fleetscripts.core.reports.review import Item, Review

ITEM = Item(
    "dialog",
    "fleet:1",
    "an agent asks",
    ('answer-dialog tree1 --choose "ROW"',),
    "%1",
    {"branch": "feat/größe", "objective": "Build it. " * 30},
    ("Which colour?",),
    ("Blue", "Green"),
    tuple(f"line {at} of the screen " + "x" * 200 for at in range(30)),
)


@pytest.mark.parametrize("count", [1, 3, 20, 100, 1000])
def test_a_text_is_never_longer_than_a_model_should_read_and_says_what_is_left_out(count: int) -> None:
    items = [ITEM] * count
    lines, shown = events_text(items)
    text = "\n".join([*lines, *and_more(count - shown)])
    assert len(text) <= MOST_CHARACTERS
    assert text.count("answer-dialog tree1") == shown
    assert shown == count or text.endswith(f"and {count - shown} more")


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(0, 60), st.integers(0, 200))
def test_a_review_has_room_for_every_part(rows: list[int], waiting: int, repaired: int) -> None:
    items = tuple(Item("stalled", "f:1", "w" * 400, ("c" * 300,), screen=("s" * 300,) * (at % 9)) for at in rows)
    found = Review(0, repaired=("r" * 300,) * repaired, decisions=items, waiting=(ITEM,) * waiting)
    lines = review_text(found)
    assert sum(len(line) + 1 for line in lines) <= MOST_CHARACTERS + 1
    assert ("waits by itself:" in lines) == bool(waiting)


def test_a_line_for_a_monitor_is_one_line_and_holds_the_question_and_the_call() -> None:
    line = one_line(ITEM)
    assert "\n" not in line
    assert len(line) <= 480
    assert all(
        part in line for part in ("fleet:1", "Which colour?", "row: Green", 'answer-dialog tree1 --choose "ROW"')
    )


def test_frames_and_what_was_told_already_are_left_out_of_a_screen() -> None:
    screen = [
        "╭──────────────╮",
        "│ Do you want? │",
        "╰──────────────╯",
        "> Implement the parser that docs/parser.md describes",
        "● größer — weiter",
        "────────────────",
        "",
    ]
    known = "Implement  the parser\nthat docs/parser.md describes and open a PR"
    assert plain_lines(screen, known) == ["Do you want?", "● größer — weiter"]
    assert plain_lines(screen)[1] == "> Implement the parser that docs/parser.md describes"
