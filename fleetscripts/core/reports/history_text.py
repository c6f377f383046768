"""The journal in words: one sentence per event of an agent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from fleetscripts.core.planning.actions import words_of
from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.core.reports.journal_story import Line, at_of, text_of
from fleetscripts.pattern import pattern

LONGEST = 220
STEPS = frozenset({"send-pasted", "send-entered", "end-intended", "end-pressed", "interrupt-intended"})
"""Intermediate steps: a later event has the line."""
ENDED = frozenset({"send-confirmed", "send-failed", "send-refused"})
_DURATION = pattern(r"(\d+(?:\.\d+)?)\s*([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BORING = frozenset({"id", "at", "event", "window", "why", "pane_id", "message_id", "worktree", "branch", "spawned_at"})

STATES = {
    "running": "at work",
    "idle": "its client has ended",
    "stuck": "makes no progress",
    "waiting_approval": "waits for an answer",
    "rate_limited": "at a usage limit",
    "complete": "says that it has finished",
    "pending_evaluation": "verified, waits for a judgement",
    "done": "done",
    "escalated": "escalated",
    "recycled": "recycled",
}


def _state(line: Line) -> str:
    what = STATES.get(text_of(line, "state"), text_of(line, "state"))
    return f"{what}: {why}" if (why := text_of(line, "why")) else what


def _spawned(line: Line) -> str:
    return f"spawned in {text_of(line, 'window')} on {text_of(line, 'branch')}, in {text_of(line, 'worktree')}"


def _recovery(line: Line) -> str:
    name = text_of(line, "action")
    what = words_of(name)
    if text_of(line, "event").endswith("intended"):
        return f"{what}: {text_of(line, 'why')} (started, its end was not recorded)"
    return f"{what} ({text_of(line, 'why')}): {text_of(line, 'outcome')}"


def _dialog(line: Line) -> str:
    what = f"{text_of(line, 'dialog')} dialog"
    if text_of(line, "event") == "dialog-answered":
        return f"{what}: chose “{text_of(line, 'row')}” ({text_of(line, 'why')})"
    return f"{what}: not answered, {text_of(line, 'why')}"


def _sent(line: Line) -> str:
    text = fit(sanitize(text_of(line, "text")), 80)
    about = f"{text_of(line, 'about')}: " if text_of(line, "about") else ""
    match text_of(line, "event"):
        case "send-confirmed":
            return f"{about}told “{text}” (proof: {text_of(line, 'why')})"
        case "send-intended":
            return f"{about}sending “{text}” was started, its end was not recorded"
    return f"{about}“{text}” was not sent: {text_of(line, 'why')}" if text else f"not told: {text_of(line, 'why')}"


SENTENCES: Mapping[str, Callable[[Line], str]] = {
    "spawned": _spawned,
    "state": _state,
    "recovery-intended": _recovery,
    "recovery-ended": _recovery,
    "dialog-answered": _dialog,
    "dialog-answer-failed": _dialog,
    "send-intended": _sent,
    "send-confirmed": _sent,
    "send-failed": _sent,
    "send-refused": _sent,
    "draft-saved": lambda line: f"unsent text was kept: “{fit(sanitize(text_of(line, 'draft')), 80)}”",
    "decision": lambda line: f"needs a decision: {text_of(line, 'why')}",
    "escalated": lambda line: f"escalated: {text_of(line, 'why')}",
    "evaluated": lambda line: f"judged, {text_of(line, 'outcome')}: {text_of(line, 'why')}",
    "override": lambda line: f"the gate {text_of(line, 'gate')} was accepted: {text_of(line, 'why')}",
    "found-again": lambda line: f"found again in {text_of(line, 'window')} ({text_of(line, 'why')})",
    "adopted": lambda line: f"taken into the fleet in {text_of(line, 'window')}",
    "task-given": lambda line: f"given a new task: {fit(sanitize(text_of(line, 'objective')), 120)}",
    "ended": lambda line: f"its client was ended {text_of(line, 'how')}: {text_of(line, 'why')}",
    "interrupted": lambda line: f"its turn was stopped: {text_of(line, 'why')}",
    "verdict-lasts": lambda line: f"verified again and again, {text_of(line, 'outcome')}: {text_of(line, 'why')}",
    "task-not-given": lambda line: f"a new task was not given: {text_of(line, 'why')}",
    "pull-request": lambda line: f"its pull request: {text_of(line, 'why')}",
    "recycling": lambda line: f"recycling: {text_of(line, 'why')}",
    "rescued": lambda line: f"what would be lost was kept under {text_of(line, 'ref')}",
    "recycled": lambda line: f"its worktree is spare again: {text_of(line, 'why')}",
}
"""By event; any other is shown by its name and fields."""


def sentence(line: Line) -> str:
    """What happened, on one line that is safe to print."""
    teller = SENTENCES.get(text_of(line, "event"), _other)
    return fit(sanitize(teller(line)), LONGEST)


def _other(line: Line) -> str:
    rest = [f"{name} {value}" for name, value in line.items() if name not in _BORING and value not in ("", None)]
    said = "; ".join([*([text_of(line, "why")] if text_of(line, "why") else []), *rest])
    name = text_of(line, "event").replace("-", " ") or "something"
    return f"{name}: {said}" if said else name


def told(lines: Sequence[Line]) -> list[Line]:
    """Without redundant lines: steps of a message, and intentions that have ended."""
    ends: dict[str, str] = {}
    texts: dict[str, Line] = {}
    for line in lines:
        event, message_id = text_of(line, "event"), text_of(line, "message_id")
        if event == "send-intended":
            texts[message_id] = line
        elif event in ENDED and message_id:
            ends[message_id] = event
    kept: list[Line] = []
    for line in lines:
        event, message_id = text_of(line, "event"), text_of(line, "message_id")
        if event in STEPS or (event == "send-intended" and message_id in ends):
            continue
        if event in ENDED and message_id in texts:
            begun = texts[message_id]
            line = {**line, "text": begun.get("text", ""), "about": begun.get("why", "")}
        kept.append(line)
    return _without_ended(kept)


def _without_ended(lines: Sequence[Line]) -> list[Line]:
    """Without intentions that have ended; each end matches one intention."""
    kept: list[Line] = []
    ended: Counter[tuple[str, str]] = Counter()
    for line in reversed(lines):
        event = text_of(line, "event")
        kind = event.partition("-")[0]
        which = (kind, text_of(line, "action") or text_of(line, "row"))
        if event in ("recovery-ended", "dialog-answered", "dialog-answer-failed"):
            ended[which] += 1
        elif event in ("recovery-intended", "dialog-answer-intended") and ended[which] > 0:
            ended[which] -= 1
            continue
        kept.append(line)
    return kept[::-1]


def since(text: str, now: float) -> float | None:
    """The time meant by ``90s``, ``15m``, ``2h``, ``1d`` (ago) or a Unix time; None if invalid."""
    stripped = text.strip()
    if match := _DURATION.fullmatch(stripped):
        return now - float(match[1]) * _UNITS[match[2]]
    try:
        at = float(stripped)
    except ValueError:
        return None
    return at if math.isfinite(at) else None


def in_span(lines: Sequence[Line], begun: float) -> list[Line]:
    """Those since ``begun``."""
    return [line for line in lines if at_of(line) >= begun]
