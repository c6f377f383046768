"""Ending a client where it stands: at a wall, behind a menu, with a draft, in a turn; and what is never ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from fleetscripts.core.planning.classify import is_shell
from fleetscripts.errors import Refusal
from fleetscripts.models import DialogKind, PaneState
from fleetscripts.services.context import load_fleet
from fleetscripts.services.typing.end_client import EndResult, end_client
from fleetscripts.services.typing.pane_io import PaneIO, open_pane_io
from tests.e2e.conftest import CLAUDE, CODEX, on_codex_too
from tests.e2e.crew import Crew
from tests.waiting import comes, wait_until

WALL = "Do it. [[ratelimit 3600]] [[say Back.]]"


@pytest.fixture(autouse=True)
def stage_environment(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in crew.stage.environment().items():
        monkeypatch.setenv(name, value)


def desk_of(crew: Crew) -> PaneIO:
    return open_pane_io(*load_fleet(crew.stage.environment()))


def state(crew: Crew, pane: str) -> PaneState:
    observation = desk_of(crew).look(pane)
    return PaneState.MISSING if observation is None else observation.classification.state


def ended(crew: Crew, window: str, **options: bool) -> EndResult:
    """Its client's end, with a shell in its place and the conversation still there."""
    pane = crew.agent(window)["pane_id"]
    found = end_client(desk_of(crew), pane, **options)  # type: ignore[arg-type]
    assert found.facts is not None
    assert state(crew, pane) is PaneState.IDLE
    assert crew.pid(window) is None
    assert is_shell((crew.stage.tmux("display-message", "-p", "-t", pane, "#{pane_current_command}") or "").strip())
    return found


def at_wall(crew: Crew, branch: str) -> tuple[str, str]:
    window = crew.spawn(branch, WALL)
    pane = crew.agent(window)["pane_id"]
    wait_until(lambda: state(crew, pane) is PaneState.RATE_LIMITED, 20, f"the wall\n{crew.screens()}")
    return window, pane


@on_codex_too
def test_at_a_wall_its_keys_end_it_and_a_draft_is_kept(crew: Crew) -> None:
    window, pane = at_wall(crew, "feat/wall")
    crew.stage.tmux("send-keys", "-t", pane, "-l", "half a thought")
    wait_until(lambda: "half a thought" in (crew.stage.tmux("capture-pane", "-p", "-t", pane) or ""), what="the draft")
    with pytest.raises(Refusal, match="draft"):
        end_client(desk_of(crew), pane)
    assert state(crew, pane) is PaneState.RATE_LIMITED
    found = ended(crew, window, keep_draft=True)
    assert (found.how, found.draft) == ("by its keys", "half a thought")
    assert end_client(desk_of(crew), pane).how == "it had ended"


@pytest.mark.parametrize("crew", [CLAUDE], indirect=True)
def test_a_menu_is_left_without_choosing_a_row(crew: Crew) -> None:
    window, pane = at_wall(crew, "feat/menu")
    crew.stage.tmux("send-keys", "-t", pane, "-l", "/rate-limit-options")
    wait_until(lambda: "/rate-limit" in (crew.stage.tmux("capture-pane", "-p", "-t", pane) or ""), what="the command")

    def typed() -> bool:
        observation = desk_of(crew).look(pane)
        return (
            observation is not None and observation.box is not None and observation.box.draft.startswith("/rate-limit")
        )

    def menu_stands() -> bool:
        observation = desk_of(crew).look(pane)
        return observation is not None and observation.classification.dialog is DialogKind.LIMIT

    def submitted() -> bool:
        """The first Enter may only have closed the list of commands; one too many would choose a row."""
        if typed():
            crew.stage.tmux("send-keys", "-t", pane, "Enter")
        return comes(lambda: not typed(), 2)

    wait_until(submitted, what="the command's end")
    wait_until(menu_stands, what="the menu")
    assert ended(crew, window).how == "by its keys"


@pytest.mark.stress
@pytest.mark.parametrize("crew", [CLAUDE], indirect=True)
def test_with_work_in_the_background_it_stays_and_goes_on_at_the_reset(crew: Crew) -> None:
    window = crew.spawn("feat/behind", "Do it. [[bgbash sleep 600]] [[say One.]] [[ratelimit 20]] [[say Back.]]")
    pane = crew.agent(window)["pane_id"]
    wait_until(lambda: state(crew, pane) is PaneState.RATE_LIMITED, 20, lambda: f"the wall\n{crew.screens()}")
    pid = crew.pid(window)
    with pytest.raises(Refusal, match="background work is running"):
        end_client(desk_of(crew), pane)
    assert crew.pid(window) == pid is not None
    assert [event["why"] for event in crew.events("end-given-up")] == [
        "what it has started in the background would end"
    ]
    crew.start_loop()
    crew.wait_for_words(window, "Back.", 240)
    assert (crew.pid(window), crew.events("escalated")) == (pid, [])


@pytest.mark.parametrize("crew", [CODEX], indirect=True)
def test_a_turn_is_only_ended_by_force(crew: Crew) -> None:
    window = crew.spawn("feat/busy", "Do it. [[think 300]]")
    pane = crew.agent(window)["pane_id"]
    wait_until(lambda: state(crew, pane) is PaneState.RUNNING, 20, f"the turn\n{crew.screens()}")
    with pytest.raises(Refusal, match="it is running"):
        end_client(desk_of(crew), pane)
    assert ended(crew, window, by_force=True).how == "by SIGTERM"


@pytest.mark.parametrize("crew", [CODEX], indirect=True)
def test_a_killed_wrapper_leaves_no_client_on_the_conversation(crew: Crew) -> None:
    window = crew.spawn("feat/orphan", "Do it. [[say Hello.]]")
    crew.wait_for_words(window, "Hello.")
    native = wait_until(lambda: crew.pid(window), what="the native client")
    wrapper = int(Path(f"/proc/{native}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(wrapper, signal.SIGKILL)
    wait_until(lambda: state(crew, crew.agent(window)["pane_id"]) is PaneState.IDLE, 10, "the shell")
    wait_until(lambda: not Path(f"/proc/{native}/fd/0").exists(), 20, "the end of what it left")
    crew.start_loop()
    again = wait_until(lambda: crew.pid(window), 30, lambda: f"the client again\n{crew.agent(window)}")
    assert again != native
