"""Detects sources that contradict one another. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.core.planning.classify import AT_REST, ENDED_BADLY
from fleetscripts.models import Classification, DialogKind, Evidence, PaneState, Source

_SHOWN = ("source", "state", "reason", "at", "dialog", "error", "resets_at", "draft", "rule", "nearest", "session_id")
_COMPARED = (Source.REGISTRY, Source.TRANSCRIPT, Source.TITLE, Source.SCREEN)


def disagreement(answer: Classification) -> str | None:
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


def summary(pieces: Sequence[Evidence]) -> list[dict[str, object]]:
    """Evidence as JSON objects, empty fields left out."""
    return [_object(piece) for piece in pieces]


def _object(piece: Evidence) -> dict[str, object]:
    found: dict[str, object] = {name: getattr(piece, name) for name in _SHOWN if getattr(piece, name) is not None}
    return found | ({"background": True} if piece.background else {})
