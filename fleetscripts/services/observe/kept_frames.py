"""Stores the screens on which sources disagreed, secrets masked, so that each can become a test."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import cache, encode
from fleetscripts.core.planning.classify import AT_REST, ENDED_BADLY
from fleetscripts.core.records.redact import redact, redact_lines
from fleetscripts.models import Classification, DialogKind, Evidence, Frame, PaneState, Source

MOST_FRAMES = 60
LARGEST_FRAME_BYTES = 131072
AGAIN_AFTER_SECONDS = 3600.0

_SHOWN = ("source", "state", "reason", "at", "dialog", "error", "resets_at", "draft", "rule", "nearest", "session_id")
_COMPARED = (Source.REGISTRY, Source.TRANSCRIPT, Source.TITLE, Source.SCREEN)


def keep_when_sources_disagree(fleet_home: Path, frame: Frame, answer: Classification) -> Path | None:
    """The stored file; None if the sources agree or this case was stored within the hour."""
    about = _disagreement(answer)
    if about is None:
        return None
    facts = asdict(frame.facts) | {"title": redact(frame.facts.title)}
    evidence = [
        {name: redact(value) if isinstance(value, str) else value for name, value in piece.items()}
        for piece in _summary(answer.evidence)
    ]
    entry = {
        "about": about,
        "at": frame.at,
        "state": answer.state,
        "reason": redact(answer.reason),
        "facts": facts,
        "evidence": evidence,
        "styled": frame.styled,
        "lines": redact_lines(frame.lines),
    }
    return _keep_frame(fleet_home, f"{frame.facts.pane_id} {about}", entry)


def _keep_frame(fleet_home: Path, case: str, entry: Mapping[str, Any]) -> Path | None:
    """Write one frame; None if this case was saved within the hour, the entry is too large, or the write fails.
    ``case`` is the reason for saving, so that one long disagreement takes one place."""
    folder = fleet_home / "frames"
    path = folder / f"{hashlib.sha256(case.encode('utf-8', 'replace')).hexdigest()[:24]}.json"
    content = encode(entry, indent=True)
    if len(content) > LARGEST_FRAME_BYTES or _age(path) < AGAIN_AFTER_SECONDS:
        return None
    return path if cache(path, content, MOST_FRAMES) else None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return float("inf")


def _disagreement(answer: Classification) -> str | None:
    """What the sources disagree about, as a short phrase that is stable for a case; None if they agree.

    Hook events lag and are not compared; a turn that continues although its transcript looks finished is no conflict,
    nor is a view that the registry does not mention."""
    if answer.state in (PaneState.IDLE, PaneState.MISSING, PaneState.STARTING) or answer.dialog is DialogKind.VIEW:
        return None
    said = {piece.source: piece for piece in answer.evidence if piece.state is not None}
    screen = said.get(Source.SCREEN)
    if screen is None:
        return None
    others = [said[source] for source in _COMPARED[:3] if source in said and _conflict(said[source], screen)]
    if not others:
        return None
    return ", ".join(f"{piece.source}={piece.state}" for piece in (*others, screen))


def _conflict(other: Evidence, screen: Evidence) -> bool:
    if other.source is Source.TRANSCRIPT:
        ended = {other.state, screen.state} & ENDED_BADLY
        return bool(ended) and other.state is not screen.state and screen.state in AT_REST
    return _group(other.state) != _group(screen.state)


def _group(state: PaneState | None) -> PaneState | None:
    return PaneState.PROMPT if state in AT_REST else state


def _summary(pieces: Sequence[Evidence]) -> list[dict[str, object]]:
    """Evidence as JSON objects, empty fields left out."""
    return [_object(piece) for piece in pieces]


def _object(piece: Evidence) -> dict[str, object]:
    found: dict[str, object] = {name: getattr(piece, name) for name in _SHOWN if getattr(piece, name) is not None}
    return found | ({"background": True} if piece.background else {})
