"""The input box shown in a frame."""

from __future__ import annotations

from fleetscripts.agents.kinds import AgentKind
from fleetscripts.core.screen.screen import Box, Screen
from fleetscripts.models import Frame


def box_in(frame: Frame, kind: AgentKind) -> Box | None:
    """The live input box on a styled frame, None if something else is in its place."""
    screen = Screen.of(frame.lines, frame.facts.title, frame.facts.width)
    return kind.layout(screen, lambda _region, _text: False).box
