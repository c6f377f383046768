"""Empties a client's input box and reads it back; removes a draft and restores it."""

from __future__ import annotations

from functools import partial

from fleetscripts.adapters.tmux.keyboard import paste, press
from fleetscripts.agents.kinds import AgentKind
from fleetscripts.core.records.message import holds_placeholder, rejoined, squeezed
from fleetscripts.core.screen.screen import Box, Screen
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.invocation import spelled
from fleetscripts.models import Frame
from fleetscripts.services.typing.pane_io import PaneIO, excerpt, wait_for

MOST_LINES = 60
MODE_SIGNS = ("!", "/", "#", "&")
MARGIN_COLUMNS = 3
"""The prompt's mark, the blank after it, and one column for the cursor."""

CHANGE_SECONDS = 1.0
SHOWN_SECONDS = 3.0


def box_in(frame: Frame, kind: AgentKind) -> Box | None:
    """The input box on a styled frame, None when something else stands in its place."""
    screen = Screen.of(frame.lines, frame.facts.title, frame.facts.width)
    return kind.layout(screen, lambda _region, _text: False).box


def typed_in(frame: Frame, kind: AgentKind) -> str | None:
    """The unsent text in the box; None if no box is on the screen."""
    box = box_in(frame, kind)
    return None if box is None else box.draft


def clear(pane_io: PaneIO, kind: AgentKind, pane_id: str) -> Frame:
    """Empty the box, one C-u per line, and read it back; returns the frame with the empty box.

    An emptied line of several is deleted in the same step: Codex would keep it, and a box that ends with an empty line
    is ambiguous."""
    for _ in range(MOST_LINES):
        frame = pane_io.screen(pane_id)
        before = typed_in(frame, kind)
        if before == "":
            return frame
        if before is None:
            raise Refusal(f"{frame.facts.window}: something else is shown in place of the input box ({excerpt(frame)})")
        keys = ("C-u", "BSpace") if "\n" in before else ("C-u",)
        if press(pane_io.tmux, pane_io.guard(frame, kind), *keys):
            wait_for(partial(_changed, pane_io, kind, pane_id, before), CHANGE_SECONDS)
    raise FleetError(f"the input box does not empty: {excerpt(pane_io.screen(pane_id))}")


def _changed(pane_io: PaneIO, kind: AgentKind, pane_id: str, before: str) -> bool:
    return typed_in(pane_io.screen(pane_id), kind) != before


def taken_out(pane_io: PaneIO, kind: AgentKind, pane_id: str, frame: Frame) -> str:
    """The draft in the box, which is then empty; refuses a draft that could not be restored unchanged."""
    shown = typed_in(frame, kind) or ""
    facts = frame.facts
    if holds_placeholder(shown, kind.folded) or shown.startswith(MODE_SIGNS):
        found = f"the draft in its input box ({' '.join(shown.split())[:40]!r}) could not be put back as it is"
        raise Refusal(f"{facts.window}: {found}: send or delete it there ({spelled('attach')} WINDOW)")
    draft = rejoined(shown.split("\n"), facts.width - MARGIN_COLUMNS)
    pane_io.journal.write("draft-saved", window=facts.window, pane_id=pane_id, draft=draft)
    clear(pane_io, kind, pane_id)
    return draft


def put_back(pane_io: PaneIO, kind: AgentKind, pane_id: str, draft: str) -> bool:
    """Paste a draft into the empty box, unsent; returns whether it is there again."""

    def pasted() -> bool:
        frame = pane_io.screen(pane_id)
        return typed_in(frame, kind) == "" and paste(pane_io.tmux, pane_io.guard(frame, kind), draft)

    def shown() -> bool:
        text = typed_in(pane_io.screen(pane_id), kind)
        return text is not None and squeezed(text) == squeezed(draft)

    return wait_for(pasted, SHOWN_SECONDS) and wait_for(shown, SHOWN_SECONDS)
