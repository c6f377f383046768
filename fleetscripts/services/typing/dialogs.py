"""Answers a dialog: finds the row by its text, moves the focus there, reads it back, presses Enter."""

from __future__ import annotations

import time

from fleetscripts.adapters.tmux.keyboard import press
from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.dialogs.dialog_keys import find_keys
from fleetscripts.core.dialogs.dialog_policy import DialogContext, Ruling, forbidden, rule
from fleetscripts.core.dialogs.dialog_rows import Menu, find_menu, row_named
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.screen.screen import Screen
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.models import AT_START, ActionKind, DialogKind, Frame, PaneState
from fleetscripts.services.typing.pane_io import PAUSE_SECONDS, PaneIO, excerpt

MOVE_SECONDS = 1.0
"""Keys within about 0.25 s of a start-up dialog's drawing are ignored: the focus does not move, and the key is pressed
again."""

SETTLE_SECONDS = 0.4
"""A client draws a moved focus before its key handler knows of it: an Enter in between chose the row before (seen in
Claude Code 2.1.329 within some 20 ms). So the focus must not have changed for this long."""

REDRAWN_SECONDS = 1.0
"""A loaded machine's client redraws a dialog in several writes, with rows missing in between: only a screen that lasts
this long counts as another one."""

STILL_GONE_SECONDS = 0.1
"""For the same reason a dialog counts as gone only after this long."""

GONE_SECONDS = 1.5
SLOW_SECONDS = 6.0
"""On a loaded machine a client draws the effect of an Enter seconds later."""

TRIES = 4

WITHOUT_ROWS = frozenset({DialogKind.UNCHECKED, DialogKind.OTHER})
"""Dialogs whose text may describe keys in place of rows."""


@dataclass(frozen=True, slots=True)
class Dialog:
    """A dialog on a pane, its rows, and the policy's ruling. ``menu`` None: its rows cannot be read."""

    observation: Observation
    kind: DialogKind
    menu: Menu | None
    ruling: Ruling

    @property
    def window(self) -> str:
        return self.observation.frame.facts.window

    @property
    def chosen(self) -> str:
        """The text of the row that the policy would choose, empty for none."""
        return self.menu.rows[self.ruling.row].text if self.menu and self.ruling.row is not None else ""


def dialog_on(pane_io: PaneIO, pane_id: str, around: DialogContext) -> Dialog:
    """The dialog in this pane; Refusal if there is none."""
    observation = pane_io.require_look(pane_id)
    said = observation.classification
    if said.state is not PaneState.WAITING_APPROVAL and said.dialog is None:
        raise Refusal(f"{observation.frame.facts.window}: no dialog is open, it is {said.state} ({said.reason})")
    kind = said.dialog or DialogKind.OTHER
    menu = menu_on(observation.frame) or (keys_on(observation.frame) if kind in WITHOUT_ROWS else None)
    return Dialog(observation, kind, menu, rule(kind, menu, around))


def menu_on(frame: Frame) -> Menu | None:
    """The rows on a screen."""
    return find_menu(Screen.of(frame.lines).texts)


def keys_on(frame: Frame) -> Menu | None:
    """The described keys of a dialog without rows."""
    return find_keys(Screen.of(frame.lines).texts)


def recover(pane_io: PaneIO, dialog: Dialog) -> str:
    """Answer a dialog by the policy; returns the chosen row's text. Refusal if it is a decision."""
    if dialog.ruling.kind is not ActionKind.RECOVERY or dialog.menu is None or dialog.ruling.row is None:
        raise Refusal(f"{dialog.window}: a {dialog.kind} dialog is a decision: {dialog.ruling.reason}")
    return _choose(pane_io, dialog, dialog.menu, dialog.ruling.row, dialog.ruling.reason)


def choose(pane_io: PaneIO, dialog: Dialog, text: str) -> str:
    """Choose the row that says ``text``; returns its whole text. Never one that spends money or grants a permission
    permanently."""
    menu = dialog.menu
    if menu is None:
        raise Refusal(f"{dialog.window}: the rows of this dialog could not be read; answer it in its window")
    if menu.several:
        raise Refusal(f"{dialog.window}: this dialog takes several answers at once; answer it in its window")
    row = row_named(menu, text)
    if row is None:
        rows = ", ".join(repr(shown) for shown in menu.texts)
        raise Refusal(f"{dialog.window}: expected {text!r} to name one row, the dialog shows {rows}")
    if why := forbidden(menu.rows[row].text):
        raise Refusal(f"{dialog.window}: {menu.rows[row].text!r} is left to a person at the keyboard: {why}")
    return _choose(pane_io, dialog, menu, row, "chosen by its text")


def _choose(pane_io: PaneIO, dialog: Dialog, menu: Menu, row: int, why: str) -> str:
    facts = dialog.observation.frame.facts
    text = menu.rows[row].text
    with pane_io.turn(facts.pane_id):
        about = {"pane_id": facts.pane_id, "dialog": dialog.kind, "row": text}
        pane_io.journal.write("dialog-answer-intended", window=facts.window, why=why, **about)
        try:
            close_by(pane_io, dialog, menu, row)
        except FleetError as error:
            pane_io.journal.write("dialog-answer-failed", window=facts.window, why=str(error), **about)
            raise
        pane_io.journal.write("dialog-answered", window=facts.window, why=why, **about)
    return text


def close_by(pane_io: PaneIO, dialog: Dialog, menu: Menu, row: int) -> None:
    """Enter on a row that closes the dialog, or the row's own key."""
    if menu.by_keys:
        _press_own_key(pane_io, dialog, menu, menu.rows[row].key)
        return
    _enter(pane_io, dialog, menu, row, focus_row(pane_io, dialog, menu, row))


def focus_row(pane_io: PaneIO, dialog: Dialog, menu: Menu, row: int) -> Frame:
    """The screen on which the wanted row is focused, and has been for a while."""
    since = changed = None
    deadline = time.monotonic() + TRIES * len(menu.rows) * MOVE_SECONDS
    while time.monotonic() < deadline:
        frame = pane_io.screen(dialog.observation.frame.facts.pane_id)
        shown = menu_on(frame)
        if shown is None or not shown.same_rows(menu):
            since, changed = None, changed or time.monotonic()
            if time.monotonic() - changed >= REDRAWN_SECONDS:
                raise Refusal(f"{dialog.window}: the dialog changed while it was being answered: {excerpt(frame)}")
            time.sleep(PAUSE_SECONDS)
            continue
        changed = None
        if shown.focus == row:
            since = since or time.monotonic()
            if time.monotonic() - since >= SETTLE_SECONDS:
                return frame
            time.sleep(PAUSE_SECONDS)
            continue
        since = None
        if press_key(pane_io, dialog, frame, "Down" if shown.focus < row else "Up"):
            _until_moved(pane_io, dialog, shown)
    raise FleetError(f"{dialog.window}: the focus did not reach {menu.rows[row].text!r}; nothing was chosen")


def press_key(pane_io: PaneIO, dialog: Dialog, frame: Frame, key: str) -> bool:
    """One key, if the pane has not changed since this frame."""
    return press(pane_io.tmux, pane_io.guard(frame, kind_named(dialog.observation.kind)), key)


def _until_moved(pane_io: PaneIO, dialog: Dialog, before: Menu) -> None:
    deadline = time.monotonic() + MOVE_SECONDS
    while time.monotonic() < deadline:
        if menu_on(pane_io.screen(dialog.observation.frame.facts.pane_id)) != before:
            return
        time.sleep(PAUSE_SECONDS)


def _enter(pane_io: PaneIO, dialog: Dialog, menu: Menu, row: int, frame: Frame) -> None:
    """Enter on the focused row; repeated only on a start-up dialog: elsewhere the same rows may be the next request. A
    dialog that is gone after our Enter was answered by it, however long the client took to draw that."""
    entered = False
    again = dialog.kind in AT_START
    for _ in range(TRIES if again else 1):
        if press_key(pane_io, dialog, frame, "Enter"):
            entered = True
            if _gone(pane_io, dialog, menu, GONE_SECONDS if again else SLOW_SECONDS):
                return
        try:
            frame = focus_row(pane_io, dialog, menu, row) if again else frame
        except Refusal:
            if entered:
                return
            raise
    if entered and _gone(pane_io, dialog, menu, SLOW_SECONDS):
        return
    raise FleetError(f"{dialog.window}: Enter did not close the dialog: {excerpt(frame)}")


def _press_own_key(pane_io: PaneIO, dialog: Dialog, menu: Menu, key: str) -> None:
    """A row's own key, once: the next dialog may take the same key for something else."""
    frame = pane_io.screen(dialog.observation.frame.facts.pane_id)
    shown = keys_on(frame)
    if shown is None or not shown.same_rows(menu) or not press_key(pane_io, dialog, frame, key):
        raise Refusal(f"{dialog.window}: the dialog changed while it was being answered: {excerpt(frame)}")
    if not _gone(pane_io, dialog, menu, SLOW_SECONDS):
        raise FleetError(f"{dialog.window}: {key} did not close the dialog: {excerpt(frame)}")


def _gone(pane_io: PaneIO, dialog: Dialog, menu: Menu, seconds: float) -> bool:
    since: float | None = None
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        frame = pane_io.tmux.read(dialog.observation.frame.facts.pane_id, styled=True)
        shown = None if frame is None else keys_on(frame) if menu.by_keys else menu_on(frame)
        is_there = shown is not None and shown.same_rows(menu)
        since = None if is_there else since or time.monotonic()
        if frame is None or (since is not None and time.monotonic() - since >= STILL_GONE_SECONDS):
            return True
        time.sleep(PAUSE_SECONDS)
    return False
