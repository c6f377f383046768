"""Each agent's states over time, and marks for actions, from the journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from fleetscripts.core.planning.action_row import Mark
from fleetscripts.core.planning.actions import BY_NAME
from fleetscripts.core.reports.history_text import sentence, told
from fleetscripts.core.reports.journal_story import Line, Story, at_of, text_of
from fleetscripts.dataclass import dataclass

LIVE_SECONDS = 3600.0
"""A state without news for longer than this is drawn only to its last line."""


@dataclass(frozen=True, slots=True)
class Span:
    """A state from one time to another."""

    state: str
    begun: float
    ended: float


@dataclass(frozen=True, slots=True)
class Sign:
    """One action."""

    kind: Mark
    at: float
    words: str


@dataclass(frozen=True, slots=True)
class TimelineLane:
    """One agent's row in the picture."""

    name: str
    place: str
    spans: tuple[Span, ...]
    marks: tuple[Sign, ...]


def lanes(stories: Iterable[Story], begun: float, now: float) -> list[TimelineLane]:
    """Agents with any event since ``begun``, in order of appearance. Events later than ``now``, from a clock that ran
    ahead, are left out: they would compress all others."""
    known = [replace(story, lines=[line for line in story.lines if at_of(line) <= now]) for story in stories]
    latest = max((at_of(line) for story in known for line in story.lines), default=now)
    drawn = (_lane(story, begun, now, latest) for story in known)
    return [lane for lane in drawn if lane.spans or lane.marks]


def _lane(story: Story, begun: float, now: float, latest: float) -> TimelineLane:
    spans = _spans(story.lines, now, latest)
    cut = tuple(Span(span.state, max(span.begun, begun), span.ended) for span in spans if span.ended > begun)
    first = max(begun, min((span.begun for span in cut), default=begun))
    marks = [_mark(line) for line in told(story.lines) if at_of(line) >= first]
    kept = tuple(mark for mark in marks if mark is not None)
    return TimelineLane(story.branch or story.key[0], f"{story.window} · {story.key[0]}", cut, kept)


def _spans(lines: list[Line], now: float, latest: float) -> list[Span]:
    """From one state line to the next; the last one until now, while the agent has news and is not recycled. Finished
    work stays finished: its span ends with the last event of any agent."""
    states = [(at_of(line), text_of(line, "state")) for line in lines if text_of(line, "state")]
    over = next((at_of(line) for line in reversed(lines) if text_of(line, "event") == "recycled"), None)
    last = max((at_of(line) for line in lines), default=now)
    live = min(now, latest + 1) if states and states[-1][1] == "done" else now
    end = over if over is not None else live if now - last < LIVE_SECONDS else last
    ends = [at for at, _ in states[1:]] + [end] * bool(states)
    spans = [Span(state, at, stop) for (at, state), stop in zip(states, ends, strict=True) if stop > at]
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].state == span.state and joined[-1].ended == span.begun:
            joined[-1] = Span(span.state, joined[-1].begun, span.ended)
        elif span.state != "recycled":
            joined.append(span)
    return joined


def _mark(line: Line) -> Sign | None:
    event, action, outcome = text_of(line, "event"), text_of(line, "action"), text_of(line, "outcome")
    kind: Mark | None = None
    if event == "recovery-ended" and action in BY_NAME:
        kind = next((sign for begins, sign in BY_NAME[action].marks if outcome.startswith(begins)), None)
    elif event == "found-again":
        kind = Mark.RESCUE
    elif event in ("decision", "escalated"):
        kind = Mark.ASKED
    elif event == "dialog-answered" or (event == "send-confirmed" and text_of(line, "about") != "briefing"):
        kind = Mark.TOLD
    elif event == "evaluated":
        kind = Mark.JUDGED if outcome == "done" else Mark.MISSING
    elif event == "recycled":
        kind = Mark.RECYCLED
    return Sign(kind, at_of(line), sentence(line)) if kind else None
