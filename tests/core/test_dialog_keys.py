"""Dialogs without rows whose keys say what they do, on recorded screens; and none on any other screen."""

from __future__ import annotations

import pytest

from fleetscripts.core.dialogs.dialog_keys import find_keys
from fleetscripts.core.dialogs.dialog_policy import forbidden
from fleetscripts.core.dialogs.dialog_rows import row_named
from tests.scoring import SCREENS, recordings

UNCHECKED = SCREENS / "claude/2.1.332-oauth+auto-140x45/dialog-auto-unchecked.txt"
STAY, LEAVE, CANCEL = "stay in auto mode", "leave for accept edits mode and stop", "cancel"
LINE = "Enter to stay in auto mode · shift+Tab to leave for accept edits mode and stop · Esc to cancel"


def test_what_the_keys_of_the_dialog_do_is_read_as_rows() -> None:
    menu = find_keys(UNCHECKED.read_text(encoding="utf-8").splitlines())
    assert menu is not None
    assert [(row.text, row.key) for row in menu.rows] == [(STAY, "Enter"), (LEAVE, "BTab"), (CANCEL, "Escape")]
    assert menu.question[0].strip() == "Auto mode can't check actions in this session"
    assert row_named(menu, "stay") == 0


@pytest.mark.parametrize(("text", "left_to_a_person"), [(STAY, False), (LEAVE, True), (CANCEL, False)])
def test_leaving_for_a_mode_that_asks_less_is_left_to_a_person(text: str, left_to_a_person: bool) -> None:
    assert bool(forbidden(text)) is left_to_a_person


def test_a_wrapped_line_of_keys_is_read_the_same() -> None:
    at = LINE.index("for")
    wrapped = ["─" * 40, " Auto mode can't check", "", f" {LINE[:at]}", f" {LINE[at:]}"]
    menu = find_keys(wrapped)
    assert menu is not None
    assert menu.texts == (STAY, LEAVE, CANCEL)


@pytest.mark.parametrize(
    "line",
    ["Enter to confirm · Esc to cancel", "Esc to cancel · Tab to amend", "Press Enter to continue", "Enter to go"],
)
def test_keys_that_say_nothing_of_their_own_choose_nothing(line: str) -> None:
    assert find_keys(["─" * 40, " Something is asked", "", line]) is None


def test_no_other_recorded_dialog_is_answered_by_its_keys() -> None:
    found = {
        one.sidecar.stem
        for one in recordings()
        if one.truth.get("dialog") in ("other", "unchecked")
        and find_keys(one.sidecar.with_suffix(".txt").read_text(encoding="utf-8").splitlines())
    }
    assert found <= {"dialog-auto-unchecked", "dialog-auto-second"}
