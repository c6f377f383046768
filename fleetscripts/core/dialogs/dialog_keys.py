"""Dialogs without rows, whose last lines say what each key does: read as rows chosen by those keys."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.dialogs.dialog_rows import DialogRow, Menu, question_above
from fleetscripts.pattern import pattern

KEYS = {"enter": "Enter", "esc": "Escape", "shift+tab": "BTab", "tab": "Tab"}
"""Clients' key names → tmux's."""

_OFFER = pattern(r"(?i)(enter|esc|shift\+tab|tab) to (\S.{0,160})")
_FOCUSED_ROW = pattern(r"[ │]{0,8}[❯›>] {1,3}\S")
_LEAST_WORDS = 2
"""``Enter to confirm`` does not say what it confirms: there are rows above it that could not be read."""


def find_keys(lines: Sequence[str]) -> Menu | None:
    """What each key does, Enter first; None if a row is focused, or Enter has no described effect."""
    texts = [line.strip(" │") for line in lines]
    while texts and not texts[-1]:
        texts.pop()
    start = next((at + 1 for at in range(len(texts) - 1, -1, -1) if not texts[at]), 0)
    offers = [_OFFER.fullmatch(part.strip()) for part in " ".join(texts[start:]).split(" · ")]
    question = question_above(lines, start)
    if len(offers) < 2 or any(_FOCUSED_ROW.match(line) for line in question):
        return None
    rows = tuple(
        DialogRow(offer[2], focused=offer[1].lower() == "enter", key=KEYS[offer[1].lower()])
        for offer in offers
        if offer
    )
    own = len(rows) == len(offers) and rows[0].focused and len(rows[0].text.split()) >= _LEAST_WORDS
    return Menu(rows, tuple(line.strip(" │") for line in question if line.strip(" │╌─"))) if own else None
