"""Builds the timeline picture from the journal."""

from __future__ import annotations

from pathlib import Path

from fleetscripts.config import Settings
from fleetscripts.core.reports.timeline import lanes
from fleetscripts.core.reports.timeline_svg import timeline_svg
from fleetscripts.errors import FleetError
from fleetscripts.services.reports.history import all_stories


def picture(settings: Settings, begun: float, now: float) -> str:
    """The SVG of everything since ``begun``."""
    return timeline_svg(lanes(all_stories(settings), begun, now), now)


def default_file(settings: Settings) -> Path:
    """The default path."""
    return settings.fleet_home / "timeline.svg"


def write_picture(file: Path, svg: str) -> None:
    """Write the picture to ``file``."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(svg, encoding="utf-8", errors="replace")
    except OSError as error:
        raise FleetError(f"cannot write {file}: {error.strerror}") from error
