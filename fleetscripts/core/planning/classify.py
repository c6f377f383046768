"""Combines evidence: which source decides, by precedence and freshness.

From the top: a dead pane or a shell in the foreground; a dialog on the screen; a fresh source that says a turn is in
progress; a client still starting; how the last turn ended; the input box. What none of them settles is ``unknown``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from fleetscripts.dataclass import dataclass
from fleetscripts.models import AT_START, Classification, DialogKind, Evidence, PaneFacts, PaneState, Source

SHELLS = frozenset(
    {"ash", "bash", "csh", "dash", "elvish", "fish", "ksh", "mksh", "nu", "pwsh", "sh", "tcsh", "xonsh", "zsh"}
)
AT_REST = frozenset({PaneState.PROMPT, PaneState.COMPLETE, PaneState.RATE_LIMITED, PaneState.API_ERROR})
_WITH_DIALOG = frozenset({PaneState.WAITING_APPROVAL, PaneState.RATE_LIMITED})
ENDED_BADLY = frozenset({PaneState.RATE_LIMITED, PaneState.API_ERROR})
NOT_YET_DRAWN = "dialog-held-back"
"""The rule for a screen that announces a dialog without showing which."""
CUT_OFF = "own-server-lost"
"""The rule for a status line that says the client cannot do anything while it is shown."""

# A transcript is written a moment after the fact: what it and the hooks say counts this long against a screen.
FRESH_SECONDS = 60.0
# What a transcript says alone against the screen and the registry together; these are written within a second.
CONTRADICTED_SECONDS = 15.0
# What a transcript says alone against the screen and the registry together; these are written within a second.
STARTING_SECONDS = 120.0
UNREADABLE_SECONDS = 30.0
# Clocks of one machine: a later time than this is not ours to believe.
CLOCK_SLACK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Case:
    """One pane's facts, and each source's newest piece of evidence about the state."""

    facts: PaneFacts
    now: float
    by_source: dict[Source, Evidence]
    client_started: float | None
    client_known: bool

    def said(self, source: Source) -> Evidence | None:
        return self.by_source.get(source)

    def state(self, source: Source) -> PaneState | None:
        piece = self.by_source.get(source)
        return piece.state if piece else None


Verdict = tuple[PaneState, Evidence | None, str]


def classify(facts: PaneFacts | None, evidence: Iterable[Evidence], now: float) -> Classification:
    """The state of one pane. ``facts`` None: no such pane. ``now`` in Unix seconds."""
    pieces = tuple(evidence)
    if facts is None:
        return Classification(PaneState.MISSING, "no such pane", evidence=pieces)
    case = _case(facts, pieces, now)
    for step in _STEPS:
        verdict = step(case)
        if verdict is not None:
            return _answer(case, pieces, verdict)
    return _answer(case, pieces, (PaneState.UNKNOWN, case.said(Source.SCREEN), "no source says enough"))


def is_shell(command: str) -> bool:
    """Whether a foreground command is a shell, including a login shell (``-bash``)."""
    return command.lstrip("-") in SHELLS


def _case(facts: PaneFacts, pieces: tuple[Evidence, ...], now: float) -> _Case:
    by_source: dict[Source, Evidence] = {}
    for piece in pieces:
        if piece.state is None or (piece.at is not None and piece.at > now + CLOCK_SLACK_SECONDS):
            continue
        kept = by_source.get(piece.source)
        if kept is None or (piece.at or 0) >= (kept.at or 0):
            by_source[piece.source] = piece
    process = [piece for piece in pieces if piece.source is Source.PROCESS]
    alive = [piece for piece in process if piece.state is None]
    return _Case(facts, now, by_source, alive[0].at if alive else None, bool(process))


def _gone(case: _Case) -> Verdict | None:
    """A dead pane or a shell in the foreground is ``idle`` whatever is drawn: a dead client's screen stays."""
    if case.facts.dead:
        return PaneState.IDLE, _tmux(PaneState.IDLE, "the pane's process has ended"), ""
    process = case.said(Source.PROCESS)
    if process is not None and process.state is not None:
        return process.state, process, ""
    if not case.client_known and is_shell(case.facts.command):
        return PaneState.IDLE, _tmux(PaneState.IDLE, f"a shell ({case.facts.command}) is in the foreground"), ""
    return None


def _dialog(case: _Case) -> Verdict | None:
    """A dialog on the screen outranks a spinner and the registry, which says ``idle`` while a view swallows keys."""
    screen, registry = case.said(Source.SCREEN), case.said(Source.REGISTRY)
    if screen is not None and screen.state is PaneState.WAITING_APPROVAL:
        unseen = screen.dialog in (None, DialogKind.OTHER) or screen.rule == NOT_YET_DRAWN
        if unseen and registry is not None and registry.dialog not in (None, DialogKind.MENU):  # it calls any dialog so
            screen = replace(screen, dialog=registry.dialog)
        if screen.dialog in AT_START and _had_a_turn(case):
            late = f"{screen.reason}, yet this client has had a turn: such a dialog appears only before the first one"
            return PaneState.WAITING_APPROVAL, replace(screen, dialog=DialogKind.OTHER, reason=late), ""
        return PaneState.WAITING_APPROVAL, screen, ""
    if screen is not None and screen.state is PaneState.RATE_LIMITED and screen.dialog is not None:
        return PaneState.RATE_LIMITED, screen, ""  # the menu that a client opens at its limit
    for other in (registry, case.said(Source.TITLE)):
        if other is not None and other.state is PaneState.WAITING_APPROVAL:
            return PaneState.WAITING_APPROVAL, other, ""
    return None


def _had_a_turn(case: _Case) -> bool:
    """Whether the conversation continued in this very process."""
    transcript = case.said(Source.TRANSCRIPT)
    if transcript is None or transcript.at is None or case.client_started is None:
        return False
    return transcript.at > case.client_started


def _cut_off(case: _Case) -> Verdict | None:
    """A live client that has lost the server it depends on: what was written before means neither a turn nor a
    prompt."""
    screen = case.said(Source.SCREEN)
    return (screen.state, screen, "") if screen is not None and screen.state and screen.rule == CUT_OFF else None


def _running(case: _Case) -> Verdict | None:
    """A turn in progress: by the registry and the drawn spinner at once, by the others unless something newer says it
    ended."""
    for source in (Source.REGISTRY, Source.SCREEN, Source.TITLE):
        if case.state(source) is PaneState.RUNNING:
            return PaneState.RUNNING, case.said(source), ""
    for source in (Source.TRANSCRIPT, Source.HOOK):
        piece = case.said(source)
        if piece is None or piece.state is not PaneState.RUNNING or _superseded(case, piece):
            continue
        contradicted = _contradicted(case)
        if piece.at is not None and case.now - piece.at <= (CONTRADICTED_SECONDS if contradicted else FRESH_SECONDS):
            return PaneState.RUNNING, piece, ""
        if source is Source.TRANSCRIPT and piece.rule == "tool_use" and not contradicted:
            return PaneState.UNKNOWN, piece, f"{piece.reason}, yet no other source says a turn is in progress"
    return None


def _contradicted(case: _Case) -> bool:
    """Whether both the screen and the registry say that no turn is in progress: a record of an unknown form may never
    be answered. Without a registry, a screen that shows a failed turn suffices."""
    if case.said(Source.REGISTRY) is None:
        return case.state(Source.SCREEN) in ENDED_BADLY
    return case.state(Source.REGISTRY) in AT_REST and case.state(Source.SCREEN) in AT_REST


def _superseded(case: _Case, piece: Evidence) -> bool:
    """Whether the registry, or for a hook the transcript, says later that the turn is over."""
    later = (Source.REGISTRY,) if piece.source is Source.TRANSCRIPT else (Source.REGISTRY, Source.TRANSCRIPT)
    at = piece.at or 0
    return any(other.state in AT_REST and (other.at or 0) >= at for other in map(case.said, later) if other is not None)


def _starting(case: _Case) -> Verdict | None:
    """Running, with no prompt drawn yet; earlier contents of the pane (a shell's prompt) may still show."""
    screen = case.said(Source.SCREEN)
    age = None if case.client_started is None else case.now - case.client_started
    young = age is not None and age <= STARTING_SECONDS
    if screen is not None and screen.state is PaneState.STARTING:
        if young or age is None:
            return PaneState.STARTING, screen, ""
        return PaneState.UNKNOWN, screen, f"{screen.reason}, {STARTING_SECONDS:.0f} s after the client started"
    new = age is not None and age <= UNREADABLE_SECONDS
    if new and (screen is None or screen.state in (PaneState.IDLE, PaneState.UNKNOWN)):
        return PaneState.STARTING, screen, "the client is up and has drawn no prompt yet"
    if screen is not None and screen.state is PaneState.IDLE:
        return _shell_drawn(case, screen)
    return None


def _shell_drawn(case: _Case, screen: Evidence) -> Verdict:
    """A shell's prompt on the screen decides alone only if the foreground command is unknown."""
    if case.client_known or case.facts.command:
        return PaneState.UNKNOWN, screen, f"{screen.reason}, yet {case.facts.command or 'a client'} runs there"
    return PaneState.IDLE, screen, ""


def _ended(case: _Case) -> Verdict | None:
    """How the last turn failed: by the transcript, by the screen only without one: a resume redraws old limits. A
    transcript that ends long ago in an unanswered message does not count: Codex 0.98 does not record refusals."""
    screen, transcript = case.said(Source.SCREEN), case.said(Source.TRANSCRIPT)
    if transcript is not None and transcript.state in ENDED_BADLY and _calm(case):
        return transcript.state or PaneState.UNKNOWN, transcript, ""
    silent = transcript is None or (transcript.state is PaneState.RUNNING and transcript.rule == "user")
    if silent and screen is not None and screen.state in ENDED_BADLY:
        return screen.state or PaneState.UNKNOWN, screen, ""
    return None


def _at_rest(case: _Case) -> Verdict | None:
    """At the input prompt: ``complete`` when the agent's own last message says so."""
    screen, transcript = case.said(Source.SCREEN), case.said(Source.TRANSCRIPT)
    if transcript is not None and transcript.state is PaneState.COMPLETE and _calm(case):
        return PaneState.COMPLETE, transcript, ""
    if transcript is None and screen is not None and screen.state is PaneState.COMPLETE:
        return PaneState.COMPLETE, screen, ""
    if screen is not None and screen.state in AT_REST:
        registry = case.said(Source.REGISTRY)
        deciding = registry if registry is not None and registry.state is PaneState.PROMPT else screen
        return PaneState.PROMPT, deciding, ""
    if case.state(Source.REGISTRY) is PaneState.PROMPT:
        registry = case.said(Source.REGISTRY)
        return PaneState.UNKNOWN, registry, "the client's own record says idle, but the screen shows no input box"
    return None


def _calm(case: _Case) -> bool:
    """Whether the registry or the screen agrees that no turn is in progress."""
    return case.state(Source.REGISTRY) in AT_REST or case.state(Source.SCREEN) in AT_REST


def _tmux(state: PaneState, reason: str) -> Evidence:
    return Evidence(Source.TMUX, state, reason)


def _resets_at(case: _Case, deciding: Evidence | None) -> float | None:
    """The end of the limit by the deciding source, else by another that reports the same limit."""
    others = (case.said(Source.TRANSCRIPT), case.said(Source.SCREEN))
    pieces = [piece for piece in (deciding, *others) if piece and piece.state is PaneState.RATE_LIMITED]
    return next((piece.resets_at for piece in pieces if piece.resets_at is not None), None)


_STEPS: tuple[Callable[[_Case], Verdict | None], ...] = (
    _gone,
    _dialog,
    _cut_off,
    _running,
    _starting,
    _ended,
    _at_rest,
)


def _answer(case: _Case, pieces: tuple[Evidence, ...], verdict: Verdict) -> Classification:
    state, deciding, reason = verdict
    screen = case.said(Source.SCREEN)
    behind = any(piece.background for piece in (case.said(Source.REGISTRY), screen) if piece is not None)
    live = state not in (PaneState.IDLE, PaneState.UNKNOWN)
    ended = state in ENDED_BADLY and deciding is not None
    return Classification(
        state=state,
        reason=reason or (deciding.reason if deciding else ""),
        pane_cmd=case.facts.command,
        dialog=deciding.dialog if deciding and state in _WITH_DIALOG else None,
        error=deciding.error if deciding and ended else None,
        resets_at=_resets_at(case, deciding) if state is PaneState.RATE_LIMITED else None,
        draft=screen.draft if screen and live else None,
        background=behind and live,
        source=deciding.source if deciding else None,
        evidence=pieces if deciding is None or deciding.source is not Source.TMUX else (deciding, *pieces),
    )
