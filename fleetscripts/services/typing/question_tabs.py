"""Answers a dialog of several questions: reads all, answers each on its tab, compares the review page, submits.

The agent sees nothing before the last Enter: until then any doubt leaves the dialog open."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fleetscripts.core.dialogs.dialog_answers import DialogAnswer, answer_to, review_says
from fleetscripts.core.dialogs.dialog_rows import Menu, row_named
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.services.typing.dialogs import (
    GONE_SECONDS,
    MOVE_SECONDS,
    Dialog,
    close_by,
    focus_row,
    menu_on,
    press_key,
)
from fleetscripts.services.typing.pane_io import PAUSE_SECONDS, PaneIO, excerpt

SUBMIT = "Submit answers"


def read_questions(pane_io: PaneIO, dialog: Dialog) -> tuple[Menu, ...]:
    """Every question of the dialog in order, by moving from tab to tab; ends on the first one."""
    sheet = _TabbedDialog(pane_io, dialog)
    with pane_io.turn(dialog.observation.frame.facts.pane_id):
        return sheet.read()


def answer_questions(pane_io: PaneIO, dialog: Dialog, texts: Sequence[str]) -> tuple[str, ...]:
    """Answer each question with the text of its row (of several rows, separated by commas); returns the choices."""
    sheet = _TabbedDialog(pane_io, dialog)
    facts = dialog.observation.frame.facts
    with pane_io.turn(facts.pane_id):
        about = {"pane_id": facts.pane_id, "dialog": dialog.kind}
        questions = sheet.read()
        if len(texts) != len(questions):
            names = ", ".join(repr(tab.name) for tab in questions[0].tabs)
            raise Refusal(
                f"{dialog.window}: this dialog asks {len(questions)} questions ({names}): "
                f"expected --choose once for each, found {len(texts)}"
            )
        answers = [
            answer_to(menu, text, dialog.window) for menu, text in zip(questions, texts, strict=True)
        ]  # all of them before the first is chosen
        rows = tuple(answer.text for answer in answers)
        pane_io.journal.write("dialog-answer-intended", window=facts.window, rows=rows, **about)
        try:
            for at, answer in enumerate(answers):
                sheet.answer(at, answer)
            sheet.submit(answers)
        except FleetError as error:
            pane_io.journal.write("dialog-answer-failed", window=facts.window, why=str(error), **about)
            raise
        pane_io.journal.write("dialog-answered", window=facts.window, rows=rows, **about)
    return rows


@dataclass(frozen=True, slots=True)
class _TabbedDialog:
    """The dialog in its pane."""

    pane_io: PaneIO
    dialog: Dialog

    def menu(self) -> Menu:
        """What it shows now."""
        frame = self.pane_io.screen(self.dialog.observation.frame.facts.pane_id)
        menu = menu_on(frame)
        first = self.dialog.menu
        if menu is None or first is None or [tab.name for tab in menu.tabs] != [tab.name for tab in first.tabs]:
            raise self._refused(f"the dialog changed while it was being read: {excerpt(frame)}")
        return menu

    def read(self) -> tuple[Menu, ...]:
        count = len(self.dialog.menu.tabs) if self.dialog.menu else 0
        if not count:
            raise self._refused("its questions are not named in a line of tabs; answer it in its window")
        for _ in range(count):
            if self._moved("Left") is None:
                break
        found = [self.menu()]
        while len(found) < count:
            found.append(self._step("Right"))
        for _ in range(count - 1):
            self._step("Left")
        if self.menu().question != found[0].question or any(row_named(menu, SUBMIT) is not None for menu in found):
            raise self._refused("its questions could not be read one after the other")
        return tuple(found)

    def answer(self, at: int, answer: DialogAnswer) -> None:
        """Choose on the present tab ``at``; ends on the next one."""
        menu = self._unchanged(answer)
        if menu.rows[answer.rows[0]].checked is None:
            focus_row(self.pane_io, self.dialog, menu, answer.rows[0])
            after = self._step("Enter")
        else:
            for row in range(len(menu.rows)):
                if menu.rows[row].checked not in (None, row in answer.rows):
                    focus_row(self.pane_io, self.dialog, menu, row)
                    menu = self._step("Enter")
            after = self._step("Right")
        if not after.tabs[at].answered:
            raise self._refused(f"{answer.text!r} was not taken as an answer to {answer.question!r}")

    def submit(self, answers: Sequence[DialogAnswer]) -> None:
        """Enter on the review, if it lists exactly the choices."""
        menu = self.menu()
        row = row_named(menu, SUBMIT)
        if row is None or not review_says(menu, answers):
            raise self._refused(f"the review shows other answers: {' / '.join(menu.question)}")
        close_by(self.pane_io, self.dialog, menu, row)

    def _unchanged(self, answer: DialogAnswer) -> Menu:
        menu = self.menu()
        if (menu.question, tuple(row.label for row in menu.rows)) != (answer.lines, answer.labels):
            raise self._refused(f"expected the question {answer.question!r}, found {' / '.join(menu.question)!r}")
        return menu

    def _step(self, key: str) -> Menu:
        menu = self._moved(key)
        if menu is None:
            raise self._refused(f"{key} changed nothing")
        return menu

    def _moved(self, key: str) -> Menu | None:
        """The menu after a key, None if it is unchanged."""
        frame = self.pane_io.screen(self.dialog.observation.frame.facts.pane_id)
        before = self.menu()
        if not press_key(self.pane_io, self.dialog, frame, key):
            raise self._refused("the pane changed before a key")
        deadline = time.monotonic() + (MOVE_SECONDS if key == "Left" else GONE_SECONDS)
        while time.monotonic() < deadline:
            menu = menu_on(self.pane_io.screen(self.dialog.observation.frame.facts.pane_id))
            if menu is not None and not menu.same_rows(before):
                return menu
            time.sleep(PAUSE_SECONDS)
        return None

    def _refused(self, why: str) -> Refusal:
        return Refusal(f"{self.dialog.window}: {why}; nothing was submitted")
