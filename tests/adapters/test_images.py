"""Images for agents: kept under a name that the supervisor knows, by nobody else's leave, and named again later."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleetscripts.adapters.records import images
from fleetscripts.adapters.records.images import forget_image, keep_image
from fleetscripts.errors import FleetError
from fleetscripts.fleet import Agent
from fleetscripts.record import Task
from fleetscripts.services.briefing.briefing import Rebrief, nudge, rebriefing

NOW = 1_800_000_000.4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "kept"
    place.mkdir()
    monkeypatch.setattr(images, "FOLDER", place)
    return place


def test_a_copy_is_made_for_our_eyes_only(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "a b.jpg"
    source.write_bytes(b"picture")
    kept = Path(keep_image(str(source), NOW))
    assert kept == folder / "orchestrator-context-1800000000.png"
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (b"picture", 0o600)
    assert keep_image(str(kept), NOW + 5) == str(kept)
    second = keep_image(str(source), NOW)
    assert second.endswith("orchestrator-context-1800000000-1.png")
    forget_image(second, str(source))
    forget_image(str(kept), str(kept))
    forget_image(str(source), "")
    assert [path.name for path in folder.iterdir()] == [kept.name]
    assert source.exists()


def test_what_somebody_put_there_before_is_never_written_to(folder: Path, tmp_path: Path) -> None:
    source, victim = tmp_path / "a.png", tmp_path / "victim"
    source.write_bytes(b"picture")
    victim.write_text("mine")
    (folder / "orchestrator-context-1800000000.png").symlink_to(victim)
    (folder / "orchestrator-context-1800000000-1.png").symlink_to(tmp_path / "not-there")
    kept = keep_image(str(source), NOW)
    assert kept.endswith("-2.png")
    assert victim.read_text() == "mine"
    assert not (tmp_path / "not-there").exists()
    with pytest.raises(FleetError, match="cannot keep the image"):
        keep_image(str(tmp_path / "none.png"), NOW)


def test_only_a_plain_file_is_an_image(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        with pytest.raises(FleetError, match="expected a file"):
            keep_image(str(source), NOW)
    assert list(folder.iterdir()) == []


def test_it_is_named_when_an_agent_is_reminded() -> None:
    agent = Agent("s:1", objective="Build the layout", task=Task(image="/tmp/orchestrator-context-1.png"))
    for text in (nudge(agent), rebriefing(agent, Rebrief(("steps: missing",)))):
        assert "Read the image /tmp/orchestrator-context-1.png again" in text
