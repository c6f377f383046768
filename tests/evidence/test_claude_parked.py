"""A conversation that the agents view has moved into the background, told by the files of the real client's making."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.adapters.system.processes import environment
from fleetscripts.agents.claude import KIND
from fleetscripts.agents.kinds import Places
from fleetscripts.agents.session_view import BackgroundSession, SessionView
from fleetscripts.models import Client, Frame, PaneFacts, PaneState, Source
from fleetscripts.services.observe.observe import another_shown
from tests.waiting import wait_until

OLD, NEW = "53b77e4e-354a-483a-bf79-546ca2172d06", "2da03d3c-d8cc-4d3d-ab72-98d26d656bac"
JOB = "2da03d3c"
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux are starts known to a tick")


def ticks(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


class Registry:
    def __init__(self, home: Path) -> None:
        self.home, self.folder = home, home / ".claude" / "sessions"
        self.folder.mkdir(parents=True)
        self.client = Client(pid=os.getpid(), started_at=0.0, start_ticks=ticks(os.getpid()), cwd=str(home))

    def record(self, pid: int, session: str, **more: Any) -> None:
        record = {"pid": pid, "procStart": ticks(pid), "sessionId": session, "status": "idle", "kind": "interactive"}
        (self.folder / f"{pid}.json").write_text(json.dumps(record | more))

    def moved(self, job: object = JOB) -> None:
        self.record(os.getpid(), OLD, parkedJobId=job)

    def look(self) -> SessionView:
        return KIND.look(self.client, Places(self.home / ".claude", self.home / "fleet"), 0.0)

    def said(self) -> tuple[str | None, PaneState | None]:
        view = self.look()
        return view.session_id, next(piece.state for piece in view.evidence if piece.source is Source.REGISTRY)


@pytest.fixture
def registry(home: Path) -> Registry:
    return Registry(home)


@pytest.fixture
def other() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "600"])
    wait_until(lambda: environment(process.pid, frozenset({"HOME"})), what="the environment of a program just begun")
    yield process.pid
    process.kill()
    process.wait()


@ON_LINUX
@pytest.mark.parametrize(("status", "state"), [("busy", PaneState.RUNNING), ("idle", PaneState.PROMPT)])
def test_the_background_process_says_how_it_stands(
    registry: Registry, other: int, status: str, state: PaneState
) -> None:
    registry.moved()
    registry.record(other, NEW, kind="bg", jobId=JOB, status=status, name="feat/one")
    assert registry.said() == (NEW, state)
    assert registry.look().shown_as == "feat/one"
    assert KIND.held_in_background(other) == BackgroundSession(NEW, busy=status == "busy")


@ON_LINUX
def test_a_process_that_waits_for_a_session_holds_none(registry: Registry, other: int) -> None:
    registry.record(other, NEW, kind="bg", jobId=JOB, spare=True)
    assert KIND.held_in_background(other) == BackgroundSession("")
    registry.record(other, NEW)
    assert KIND.held_in_background(other) is None


@ON_LINUX
def test_without_a_process_its_session_is_known_and_no_state(registry: Registry) -> None:
    registry.moved()
    job = registry.home / ".claude" / "jobs" / JOB
    job.mkdir(parents=True)
    (job / "state.json").write_text(json.dumps({"sessionId": NEW}))
    assert registry.said() == (NEW, None)


@ON_LINUX
@pytest.mark.parametrize("job", ["", "../../x", "2DA03D3C", 7, None, ["2da03d3c"]])
def test_what_is_no_job_is_not_followed(registry: Registry, other: int, job: object) -> None:
    registry.moved(job)
    registry.record(other, NEW, kind="bg", jobId=job)
    assert registry.said() == (OLD, PaneState.PROMPT)


@ON_LINUX
def test_a_record_that_a_killed_process_left_is_not_believed(registry: Registry, other: int) -> None:
    registry.moved()
    registry.record(other, NEW, kind="bg", jobId=JOB, status="busy", procStart="1")
    assert registry.said() == (OLD, PaneState.PROMPT)


@pytest.mark.parametrize(
    ("title", "shown_as", "shown"),
    [
        ("feat/one", "feat/one", True),
        ("✳ feat/one", "feat/one", True),
        ("anything", "", True),
        ("a title", "feat/one", False),
        ("claude agents", "feat/one", False),
        ("", "feat/one", False),
    ],
)
def test_a_pane_with_another_title_shows_another_conversation(title: str, shown_as: str, shown: bool) -> None:
    frame = Frame(PaneFacts("%1", title=title), (), at=0.0)
    found = another_shown(frame, SessionView(shown_as=shown_as))
    assert [piece.state for piece in found] == ([] if shown else [PaneState.WAITING_APPROVAL])
