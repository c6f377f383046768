"""Waiting until a client that was just started stands at its prompt; start-up dialogs are answered by the policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from fleetscripts.adapters.system.processes import arguments, read_processes
from fleetscripts.config import Settings
from fleetscripts.core.planning.classify import is_shell
from fleetscripts.errors import FleetError, Refused
from fleetscripts.models import ActionKind, Classification, Frame, PaneFacts, PaneState
from fleetscripts.services.clients.launch import WRAPPER
from fleetscripts.services.delivery.desk import Desk, Sight, excerpt, wait_for
from fleetscripts.services.dialogs.dialogs import dialog_on, recover
from fleetscripts.services.dialogs.surroundings import surroundings

LOOK_SECONDS = 0.1
STEADY_LOOKS = 2
"""A prompt seen once may be the shell's, or be covered by a dialog in the next moment."""

MOST_DIALOGS = 8

DRAWN_SECONDS = 2.0
"""For a shell's first prompt; the heaviest set-ups take about a second."""


def at_prompt(
    desk: Desk,
    settings: Settings,
    pane_id: str,
    folder: Path,
    accept: Callable[[Classification], bool] = lambda said: said.state is PaneState.PROMPT,
) -> Sight:
    """The client at its input prompt; FleetError when it ends, asks for a decision or takes too long.

    ``accept``: a resumed conversation may stand at other states than ``prompt`` (``complete``, a wall)."""
    deadline = time.monotonic() + settings.start_timeout_seconds
    steady = dialogs = 0
    while True:
        sight = desk.look(pane_id)
        if sight is None:
            raise FleetError("its window closed while the client was starting")
        said = sight.classification
        steady = steady + 1 if accept(said) and sight.box is not None else 0
        if steady >= STEADY_LOOKS:
            return sight
        if said.state is PaneState.WAITING_APPROVAL:
            dialogs += 1
            _answer(desk, settings, sight, folder, dialogs)
        elif said.state is PaneState.IDLE and not still_launching(sight.frame.facts):
            raise FleetError(f"the client ended as it started: {_last_words(desk, pane_id)}")
        if time.monotonic() >= deadline:
            raise FleetError(f"no prompt after {settings.start_timeout_seconds:g} s: {_seen(said, sight.frame)}")
        time.sleep(LOOK_SECONDS)


def _last_words(desk: Desk, pane_id: str) -> str:
    """What a client left on the screen, drawn by then: the shell's prompt comes after it."""

    def shown() -> str:
        frame = desk.tmux.read(pane_id, styled=False)
        return "" if frame is None else excerpt(frame)

    wait_for(lambda: bool(shown()), DRAWN_SECONDS)
    return shown()


def still_launching(facts: PaneFacts) -> bool:
    """Whether no shell of the user's stands there yet: the pane's own process is our wrapper, or not even that.

    Between tmux's fork and the wrapper's start tmux already calls it a shell, by the command line that it will run."""
    process = read_processes().by_pid.get(facts.pid)
    words = arguments(process) if process is not None else ()
    runs_shell = bool(words) and is_shell(words[0].rpartition("/")[2])
    return not facts.dead and (not runs_shell or WRAPPER in words[:4])


def _answer(desk: Desk, settings: Settings, sight: Sight, folder: Path, count: int) -> None:
    """Answer a start-up dialog that the policy knows; a decision ends the start."""
    if count > MOST_DIALOGS:
        raise FleetError(f"one dialog after another: {excerpt(sight.frame)}")
    try:
        dialog = dialog_on(desk, sight.frame.facts.pane_id, surroundings(settings, folder, sight.frame))
    except Refused:
        return  # it has gone, or is still being drawn: the next look tells
    if dialog.ruling.kind is ActionKind.DECISION:
        if dialog.menu is None and count < MOST_DIALOGS:
            return
        question = " ".join(dialog.menu.question[-3:]) if dialog.menu else excerpt(sight.frame)
        raise Refused(f"a {dialog.kind} dialog needs a decision ({dialog.ruling.reason}): {question}")
    recover(desk, dialog)


def _seen(said: Classification, frame: Frame) -> str:
    return f"{said.state} ({said.reason}), on the screen: {excerpt(frame)}"
