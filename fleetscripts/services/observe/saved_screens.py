"""Classifies saved captures without a terminal: the capture and its sidecar file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import decode
from fleetscripts.core.planning.classify import classify
from fleetscripts.core.screen.reading import Reader, Reading
from fleetscripts.core.screen.rules import RuleSet
from fleetscripts.core.screen.screen import Screen
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.models import Classification, DialogKind, Evidence, PaneFacts, PaneState, Source

_MAX_BYTES = 4_000_000
_REGISTRY_STATES = {
    "busy": PaneState.RUNNING,
    "waiting": PaneState.WAITING_APPROVAL,
    "idle": PaneState.PROMPT,
    "shell": PaneState.PROMPT,
}


class UnreadableScreen(FleetError):
    """A capture that cannot be read; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ScreenHints:
    """The caller's facts for all files of one call, before any sidecar. ``agent`` may be ``auto``; None: not given."""

    agent: str = "auto"
    command: str | None = None
    title: str | None = None
    all_evidence: bool = False


@dataclass(frozen=True, slots=True)
class SavedScreen:
    """One capture with its sidecar's facts, if there is one. ``at``: when it was taken, in Unix seconds."""

    path: Path
    lines: tuple[str, ...]
    agent: str
    facts: PaneFacts
    at: float
    registry: tuple[Evidence, ...] = ()


def read_saved(path: Path, told: ScreenHints) -> SavedScreen:
    """Read FILE and the ``NAME.json`` beside it; UnreadableScreen if the capture cannot be read."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MAX_BYTES)
            at = path.stat().st_mtime
    except OSError as error:
        raise UnreadableScreen(f"{path}: expected a saved screen, found {error.strerror or error}") from error
    side = _sidecar(path)
    at = float(side["now"]) if isinstance(side.get("now"), (int, float)) else at
    facts = _facts(side, told)
    agent = told.agent if told.agent != "auto" else str(side.get("agent") or "auto")
    lines = tuple(raw.decode("utf-8", "replace").split("\n"))
    return SavedScreen(path, lines, agent, facts, at, _registry(side, at) if told.all_evidence else ())


def classify_saved(saved: SavedScreen, rules: Mapping[str, RuleSet], zone: tzinfo) -> tuple[Classification, Reading]:
    """The state of the saved pane, and how its screen was read."""
    screen = Screen.of(saved.lines, saved.facts.title, saved.facts.width)
    reading = Reader(rules, saved.at, zone).read(screen, saved.agent, saved.facts.command)
    evidence = (*saved.registry, *reading.evidence)
    return classify(saved.facts, evidence, saved.at), reading


def _sidecar(path: Path) -> Mapping[str, Any]:
    """The content of ``NAME.json``; empty if there is none, UnreadableScreen if it is damaged."""
    file = path.with_suffix(".json")
    if file == path or not file.is_file():
        return {}
    try:
        found = decode(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadableScreen(f"{file}: expected the sidecar of {path.name} as JSON, found {error}") from error
    return found if isinstance(found, dict) else {}


def _facts(side: Mapping[str, Any], told: ScreenHints) -> PaneFacts:
    tmux = side.get("tmux")
    tmux = tmux if isinstance(tmux, dict) else {}
    size = side.get("size")
    width, height = size if isinstance(size, list) and len(size) == 2 else (0, 0)
    return PaneFacts(
        pane_id="",
        command=told.command if told.command is not None else str(tmux.get("command") or ""),
        title=told.title if told.title is not None else str(tmux.get("title") or ""),
        dead=str(tmux.get("dead") or "0") not in ("0", ""),
        alternate=str(tmux.get("alternate") or "0") == "1",
        cursor_x=_number(tmux.get("cursor_x")),
        cursor_y=_number(tmux.get("cursor_y")),
        cursor_visible=str(tmux.get("cursor_flag", "1")) != "0",
        width=_number(width),
        height=_number(height),
    )


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _registry(side: Mapping[str, Any], at: float) -> tuple[Evidence, ...]:
    """The client's session registry at that moment: one entry per live session, the newest last."""
    entries = side.get("registry")
    found = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return tuple(_entry(entry, at) for entry in found[-1:] if entry.get("status") in _REGISTRY_STATES)


def _entry(entry: Mapping[str, Any], at: float) -> Evidence:
    from fleetscripts.adapters.sessions.registry import DIALOGS

    status = str(entry["status"])
    waiting_for = str(entry.get("waitingFor") or "")
    return Evidence(
        Source.REGISTRY,
        _REGISTRY_STATES[status],
        f"the client's own record says {status}{f' for {waiting_for}' if waiting_for else ''}",
        at=at,
        dialog=DIALOGS.get(waiting_for, DialogKind.OTHER) if status == "waiting" else None,
        background=status == "shell",
        rule=status,
    )
