"""One look: the box that a look found is the one that typing finds on the same frame."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.planning.observation import NO_PANE, Observation
from fleetscripts.core.screen.reading import Reader
from fleetscripts.core.screen.screen import Screen
from fleetscripts.models import Classification, Frame, PaneFacts, PaneState
from fleetscripts.services.observe.rule_files import load_rules
from fleetscripts.services.typing.input_box import box_in
from tests.places import BUNDLE

SCREENS = BUNDLE / "tests" / "screens"
MISSING = Classification(PaneState.MISSING, "gone")


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_the_box_of_a_look_is_the_box_that_is_typed_into(agent: str, home: Path) -> None:
    reader = Reader(load_rules(home / "fleet"), 1_800_000_000.0, UTC)
    files = sorted((SCREENS / agent).glob("*/*.ansi"))
    assert files
    boxes = 0
    for file in files[:: max(1, len(files) // 400)]:
        frame = Frame(PaneFacts("%1"), tuple(file.read_text(encoding="utf-8", errors="replace").splitlines()), 0, True)
        reading = reader.read(Screen.of(frame.lines), agent)
        seen = Observation(MISSING, frame, agent, screen=Screen.of(frame.lines), reading=reading)
        assert seen.box == box_in(frame, kind_named(agent)), file
        boxes += seen.box is not None
    assert boxes


def test_without_a_pane_there_is_nothing_to_see() -> None:
    seen = Observation(MISSING)
    assert (seen.frame, seen.exists, seen.box, seen.cwd, seen.texts, seen.excerpt, seen.said) == (
        NO_PANE, False, None, "", (), (), "",
    )  # fmt: skip
