"""What a client says as it ends at once: read whole, however a narrow pane wraps it and whatever follows."""

from __future__ import annotations

import pytest

from fleetscripts.models import Frame, PaneFacts
from fleetscripts.services.actions.begin_anew import NOT_FOUND
from fleetscripts.services.clients.readiness import unwrapped

ERROR = (
    "Error: Failed to resume session from /home/dev/.codex/sessions/2026/11/27/rollout-01a21c5a.jsonl:"
    " thread/resume failed during TUI bootstrap: thread/resume failed: no rollout found for thread id"
    " 01a21c5a-f2a1-7933-bb6e-7f4dabcf0661 (code -32600)"
)
BACKTRACE = ["", "Stack backtrace:", *(f"   {number}: <unknown>" for number in range(8))]


@pytest.mark.parametrize("width", range(40, 240, 7))
def test_the_error_of_codex_is_found_behind_its_backtrace(width: int) -> None:
    lines = [ERROR[at : at + width] for at in range(0, len(ERROR), width)] + BACKTRACE
    shown = unwrapped(Frame(PaneFacts("%1", width=width), tuple(lines), 0.0))
    found = NOT_FOUND.search(shown)
    assert found is not None
    assert found[0] == "no rollout found for thread id 01a21c5a-f2a1-7933-bb6e-7f4dabcf0661"
