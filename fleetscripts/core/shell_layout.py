"""Where a shell's prompt would stand: on the last line of the screen, or across what a dead client left there."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.screen import Layout, region_of


def shell_layout(texts: Sequence[str]) -> Layout:
    """The last lines of a screen, which is where a shell writes."""
    last = [text for text in texts[-40:] if text.strip()]
    return Layout({"bottom": region_of(last[-1:]), "left_edge": region_of([t for t in last if t[:1].strip()][-6:])})
