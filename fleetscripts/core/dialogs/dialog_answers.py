"""Answers to a dialog of several questions: the rows that a text names, and whether a review lists what was chosen."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.dialogs.dialog_policy import forbidden
from fleetscripts.core.dialogs.dialog_rows import Menu, normalised, row_named
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import Refusal

NO_ANSWERS = frozenset({"type something", "type something.", "chat about this", "next", "submit"})
"""Rows that lead elsewhere instead of answering."""


@dataclass(frozen=True, slots=True)
class DialogAnswer:
    """The rows chosen for one question, by index. ``lines`` and ``labels``: the question as it was read. ``many``: it
    takes several rows; the review then quotes a row that contains a comma."""

    lines: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[int, ...]
    many: bool = False

    @property
    def question(self) -> str:
        return " ".join(self.lines)

    @property
    def text(self) -> str:
        """The chosen rows' texts as the review shows them."""
        chosen = [self.labels[row] for row in self.rows]
        return ", ".join(f'"{label}"' if self.many and "," in label else label for label in chosen)


def answer_to(menu: Menu, text: str, window: str) -> DialogAnswer:
    """The answer that ``text`` gives to a question; Refusal if it names no row, or one left to a person."""
    row = row_named(menu, text)
    many = any(each.checked is not None for each in menu.rows)
    rows = [row] if row is not None or not many else [row_named(menu, part) for part in text.split(",")]
    labels = tuple(each.label for each in menu.rows)
    found = sorted({each for each in rows if each is not None and normalised(labels[each]) not in NO_ANSWERS})
    if len(found) != len(rows):
        shown = ", ".join(repr(label) for label in labels if normalised(label) not in NO_ANSWERS)
        asked = " ".join(menu.question)
        raise Refusal(f"{window}: expected {text!r} to name one row of {asked!r}, which shows {shown}")
    for each in found:
        if why := forbidden(labels[each]):
            raise Refusal(f"{window}: {labels[each]!r} is left to a person at the keyboard: {why}")
    return DialogAnswer(menu.question, labels, tuple(found), many)


def review_says(menu: Menu, answers: Sequence[DialogAnswer]) -> bool:
    """Whether a review lists exactly these questions and answers, however its lines are wrapped."""
    listed = "".join(f"●{answer.question}→{answer.text}" for answer in answers)
    shown = _squeezed(" ".join(menu.question))
    start = shown.find("●")
    rest = shown[start:].removeprefix(_squeezed(listed)) if start >= 0 else "nothing is listed"
    return rest in ("", _squeezed("Ready to submit your answers?")) and all(tab.answered for tab in menu.tabs)


def _squeezed(text: str) -> str:
    return "".join(text.split())
