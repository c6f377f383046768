"""A client that is given no time: what was entered is never said to be unsent, what was answered is never a failure."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from fleetscripts.adapters.tmux.guard import Guard
from fleetscripts.adapters.tmux.tmux import Tmux
from fleetscripts.config import load_settings
from fleetscripts.core.dialogs.dialog_policy import DialogContext
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.models import Frame
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.dialogs import dialog_on, recover
from fleetscripts.services.typing.outbox import INTENDED, Outbox
from fleetscripts.services.typing.pane_io import PaneIO, open_pane_io
from tests.places import TmuxServer
from tests.practice.stage import PracticePane
from tests.waiting import wait_until


class HinderedTmux(Tmux):
    """The real tmux, before whose Enters something happens to the client."""

    def __init__(self, socket: str, *before: object) -> None:
        super().__init__(socket)
        self.before = list(before)

    def guarded(self, guard: Guard, command: str, otherwise: str = "start-server") -> bool:
        if "send-keys" in command and command.endswith("Enter") and self.before:
            happens = self.before.pop(0)
            assert callable(happens)
            happens()
        return super().guarded(guard, command, otherwise)


class HalfDrawnTmux(Tmux):
    """The real tmux, with a client that draws its dialog anew after each key of ours: for some looks half is there."""

    def __init__(self, socket: str, looks: int) -> None:
        super().__init__(socket)
        self.looks, self.left = looks, 0

    def guarded(self, guard: Guard, command: str, otherwise: str = "start-server") -> bool:
        self.left = self.looks
        return super().guarded(guard, command, otherwise)

    def read(self, pane_id: str, styled: bool = True) -> Frame | None:
        frame = super().read(pane_id, styled)
        if frame is None or not self.left:
            return frame
        self.left -= 1
        rows = [number for number, line in enumerate(frame.lines) if "Yes, I accept" in line]
        return replace(frame, lines=frame.lines[: rows[0]]) if rows else frame


@pytest.fixture
def agent(tmux_server: TmuxServer, tmp_path: Path, home: Path) -> PracticePane:
    return PracticePane.in_fleet(tmux_server, tmp_path / "worktree", home / ".claude")


def hindered(agent: PracticePane, *before: object) -> PaneIO:
    return open_pane_io(load_settings(os.environ), None, HinderedTmux(agent.server.socket, *before))


def freeze(agent: PracticePane) -> None:
    agent.order(f"freeze {agent.config / 'frozen'}")
    wait_until((agent.config / "frozen").exists, what="a client that does nothing")


def thaw(agent: PracticePane) -> None:
    """It goes on, and has taken the text before anybody looks again."""
    (agent.config / "frozen").unlink()
    wait_until(lambda: agent.texts("user"), 20, "the text in its transcript")


def test_a_text_that_is_read_late_is_waited_for_while_nothing_stands_in_the_box(
    agent: PracticePane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetscripts.services.typing.submit.Submission.shown_seconds", 0.2)
    freeze(agent)
    threading.Timer(1.5, (agent.config / "frozen").unlink).start()
    assert deliver(hindered(agent), agent.pane, "hello [[say fine]]").proof == "transcript"
    assert agent.texts("user") == ["hello [[say fine]]"]


def test_a_text_that_is_not_read_at_all_is_said_to_be_unsent_and_is_taken_out_by_the_next(
    agent: PracticePane, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(agent)
    never_read = pytest.raises(FleetError, match="is not in the box; it was not submitted")
    with monkeypatch.context() as hurried, never_read:
        hurried.setattr("fleetscripts.services.typing.submit.Submission.unread_seconds", 0.3)
        deliver(hindered(agent), agent.pane, "hello [[say fine]]")
    (agent.config / "frozen").unlink()
    agent.wait_for("hello [[say fine]]")
    assert deliver(hindered(agent), agent.pane, "once more [[say fine]]").proof == "transcript"
    assert agent.texts("user") == ["once more [[say fine]]"]


def test_a_text_taken_just_before_the_second_enter_is_delivered(agent: PracticePane) -> None:
    pane_io = hindered(agent, lambda: freeze(agent), lambda: thaw(agent))
    assert deliver(pane_io, agent.pane, "hello [[say fine]]").proof == "transcript"
    assert agent.texts("user") == ["hello [[say fine]]"]


def test_a_text_that_is_entered_and_never_taken_is_not_said_to_be_unsent(
    agent: PracticePane, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleetscripts.services.typing.submit.Submission.patience_seconds", 0.5)
    pane_io = hindered(agent, lambda: freeze(agent))
    with pytest.raises(FleetError, match="nothing proves that it was taken") as failed:
        deliver(pane_io, agent.pane, "hello [[say fine]]")
    assert "not submitted" not in str(failed.value)
    last = Outbox(home / "fleet", pane_io.server, agent.pane).last()
    assert last is not None
    assert last.outcome == INTENDED
    thaw(agent)
    agent.wait_for_status("idle")
    assert deliver(pane_io, agent.pane, "hello [[say fine]]").note == "an earlier call had sent it"
    assert agent.texts("user") == ["hello [[say fine]]"]


def test_a_client_that_dies_after_enter_is_not_said_to_have_died_before(agent: PracticePane) -> None:
    pid = agent.registry()["pid"]
    pane_io = hindered(agent, lambda: freeze(agent), lambda: os.kill(pid, signal.SIGKILL))
    with pytest.raises(FleetError, match="after Enter, and nothing proves"):
        deliver(pane_io, agent.pane, "hello")


def test_a_start_up_dialog_that_closes_late_was_answered(agent: PracticePane) -> None:
    agent.order("dialog bypass")
    agent.wait_for("Yes, I accept")

    def wakes() -> None:
        (agent.config / "frozen").unlink()
        wait_until(lambda: "Yes, I accept" not in agent.screen(), what="the next screen")

    pane_io = hindered(agent, lambda: freeze(agent), wakes)
    dialog = dialog_on(pane_io, agent.pane, DialogContext(bypass_configured=True))
    assert recover(pane_io, dialog) == "Yes, I accept"


def test_a_dialog_that_is_half_drawn_for_a_moment_is_still_the_same(agent: PracticePane) -> None:
    agent.order("dialog bypass")
    agent.wait_for("Yes, I accept")
    pane_io = open_pane_io(load_settings(os.environ), None, HalfDrawnTmux(agent.server.socket, 3))
    dialog = dialog_on(pane_io, agent.pane, DialogContext(bypass_configured=True))
    assert recover(pane_io, dialog) == "Yes, I accept"
    wait_until(lambda: "Yes, I accept" not in agent.screen(), what="that it was really answered")


def test_a_dialog_that_gives_way_to_something_else_is_left_alone(agent: PracticePane) -> None:
    agent.order("dialog bypass")
    agent.wait_for("Yes, I accept")
    pane_io = open_pane_io(load_settings(os.environ), None, HalfDrawnTmux(agent.server.socket, 10**6))
    dialog = dialog_on(pane_io, agent.pane, DialogContext(bypass_configured=True))
    with pytest.raises(Refusal, match="the dialog changed while it was being answered"):
        recover(pane_io, dialog)
    assert "Yes, I accept" in agent.screen(), "no Enter was pressed"
