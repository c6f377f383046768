"""Waits until a freshly started client shows its prompt; start-up dialogs are answered by the policy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from fleetscripts.config import Settings
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.screen.screen import Screen
from fleetscripts.errors import ClientEnded, FleetError, Refusal
from fleetscripts.models import ActionKind, Classification, Frame, PaneState
from fleetscripts.services.observe.launching import still_launching
from fleetscripts.services.typing.dialog_context import dialog_context
from fleetscripts.services.typing.dialogs import dialog_on, recover
from fleetscripts.services.typing.pane_io import PaneIO, excerpt, wait_for

LOOK_SECONDS = 0.1
STEADY_LOOKS = 2
"""A prompt seen once may be the shell's, or be covered by a dialog the next moment."""

MOST_DIALOGS = 8

DRAWN_SECONDS = 2.0
"""For a shell's first prompt; the slowest set-ups take about a second."""


def at_prompt(
    pane_io: PaneIO,
    settings: Settings,
    pane_id: str,
    folder: Path,
    accept: Callable[[Classification], bool] = lambda said: said.state is PaneState.PROMPT,
) -> Observation:
    """The client at its input prompt in ``folder``; FleetError if it is elsewhere, ends, needs a decision or takes too
    long. ``accept``: states besides ``prompt`` in which a resumed conversation may be (``complete``, a limit)."""
    deadline = time.monotonic() + settings.start_timeout_seconds
    steady = dialogs = 0
    while True:
        observation = pane_io.look(pane_id)
        if observation is None:
            raise FleetError("its window closed while the client was starting")
        said = observation.classification
        steady = steady + 1 if accept(said) and observation.box is not None else 0
        if steady >= STEADY_LOOKS:
            require_folder(observation.cwd, folder)
            return observation
        if said.state is PaneState.WAITING_APPROVAL:
            dialogs += 1
            _answer(pane_io, settings, observation, folder, dialogs)
        elif said.state is PaneState.IDLE and not still_launching(observation.frame.facts):
            last, shown = _last_words(pane_io, pane_id)
            raise ClientEnded(f"the client ended as it started: {last}", shown)
        if time.monotonic() >= deadline:
            raise FleetError(f"no prompt after {settings.start_timeout_seconds:g} s: {_seen(said, observation.frame)}")
        time.sleep(LOOK_SECONDS)


def require_folder(cwd: str, folder: Path) -> None:
    """An alias, a hook or a wrapper of the user's may have moved the client: nobody works in a wrong folder."""
    where = os.path.realpath(cwd) if cwd else ""
    if where and not Path(where).is_relative_to(os.path.realpath(folder)):
        raise FleetError(
            f"the client works in {where}, expected {folder}: nothing was sent to it; look for a tmux alias, hook or"
            " wrapper that changes folders"
        )


def _last_words(pane_io: PaneIO, pane_id: str) -> tuple[str, str]:
    """A dead client's last screen, once drawn: the shell's prompt comes after it; its end, and all of it."""

    def shown() -> tuple[str, str]:
        frame = pane_io.tmux.read(pane_id, styled=False)
        return ("", "") if frame is None else (excerpt(frame), unwrapped(frame))

    wait_for(lambda: bool(shown()[0]), DRAWN_SECONDS)
    return shown()


def unwrapped(frame: Frame) -> str:
    """The screen as one line; a line that fills the width continues in the next one."""
    texts = Screen.of(frame.lines).texts
    return "".join(text if len(text) >= frame.facts.width > 0 else f"{text} " for text in texts)


def _answer(pane_io: PaneIO, settings: Settings, observation: Observation, folder: Path, count: int) -> None:
    """Answer a start-up dialog that the policy knows; a decision ends the start."""
    if count > MOST_DIALOGS:
        raise FleetError(f"one dialog after another: {excerpt(observation.frame)}")
    try:
        dialog = dialog_on(
            pane_io, observation.frame.facts.pane_id, dialog_context(settings, folder, observation.frame)
        )
    except Refusal:
        return  # it has gone, or is still being drawn: the next look tells
    if dialog.ruling.kind is ActionKind.DECISION:
        if dialog.menu is None and count < MOST_DIALOGS:
            return
        question = " ".join(dialog.menu.question[-3:]) if dialog.menu else excerpt(observation.frame)
        raise Refusal(f"a {dialog.kind} dialog needs a decision ({dialog.ruling.reason}): {question}")
    recover(pane_io, dialog)


def _seen(said: Classification, frame: Frame) -> str:
    return f"{said.state} ({said.reason}), on the screen: {excerpt(frame)}"
