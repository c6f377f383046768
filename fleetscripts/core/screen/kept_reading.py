"""What was read of a screen as it is kept from one look to the next, in plain values.

Only what follows from the screen and the rules alone: no time of day, no text of an input box, typed or suggested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from fleetscripts.core.screen.reading import Reading
from fleetscripts.core.screen.screen import Box, Layout
from fleetscripts.models import DialogKind, ErrorKind, Evidence, PaneState, Source

T = TypeVar("T")


def as_kept(reading: Reading) -> list[object] | None:
    """Plain values from which the answer can be had again; None where it holds a time of day or somebody's text."""
    box = reading.layout.box
    if reading.screen.state is PaneState.RATE_LIMITED or any(_tells_more(piece) for piece in reading.evidence):
        return None
    if box is not None and box.draft:
        return None
    title = None if reading.title is None else _plain(reading.title)
    place = None if box is None else [box.top, box.bottom, box.mark]
    return [reading.agent, reading.above, _plain(reading.screen), title, place]


def from_kept(kept: object) -> Reading:
    """The reading, without its regions; ValueError or TypeError where that is not what was kept."""
    agent, above, screen, title, place = _of_length(kept, 5)
    box = None
    if place is not None:
        top, bottom, mark = _of_length(place, 3)
        box = Box(_typed(top, int), _typed(bottom, int), mark=_typed(mark, str))
    told = None if title is None else _evidence(Source.TITLE, title)
    said = _evidence(Source.SCREEN, screen)
    return Reading(_typed(agent, str), said, told, Layout(box=box), _typed(above, str))


def _tells_more(piece: Evidence) -> bool:
    return any(value is not None for value in (piece.at, piece.resets_at, piece.draft, piece.session_id))


def _plain(piece: Evidence) -> list[object]:
    state, dialog, error = (None if name is None else str(name) for name in (piece.state, piece.dialog, piece.error))
    return [state, piece.reason, dialog, error, piece.background, piece.spends, piece.rule]


def _evidence(source: Source, kept: object) -> Evidence:
    state, reason, dialog, error, background, spends, rule = _of_length(kept, 7)
    return Evidence(
        source,
        PaneState(_typed(state, str)),
        _typed(reason, str),
        dialog=None if dialog is None else DialogKind(_typed(dialog, str)),
        error=None if error is None else ErrorKind(_typed(error, str)),
        background=_typed(background, bool),
        spends=_typed(spends, bool),
        rule=None if rule is None else _typed(rule, str),
    )


def _of_length(value: object, length: int) -> Sequence[object]:
    if not isinstance(value, list) or len(value) != length:
        raise ValueError(f"expected a list of {length}")
    return value


def _typed(value: object, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}")
    return value
