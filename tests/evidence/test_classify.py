"""Fusion: each case in a sentence, then what must hold for all evidence there can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscripts.core.planning.classify import classify
from fleetscripts.models import DialogKind, ErrorKind, Evidence, PaneFacts, PaneState, Source

NOW = 1_000_000.0
CLAUDE = PaneFacts("%1", command="claude", pid=10)
SHELL = replace(CLAUDE, command="bash")
S = PaneState


def said(source: Source, state: PaneState | None, ago: float = 1.0, **more: Any) -> Evidence:
    return Evidence(source, state, f"{source} says {state}", at=NOW - ago, **more)


def alive(started_ago: float = 1000.0) -> Evidence:
    return said(Source.PROCESS, None, started_ago)


def registry(state: PaneState | None, ago: float = 1.0, **more: Any) -> Evidence:
    return said(Source.REGISTRY, state, ago, **more)


def transcript(state: PaneState | None, ago: float = 1.0, **more: Any) -> Evidence:
    return said(Source.TRANSCRIPT, state, ago, **more)


def screen(state: PaneState | None, **more: Any) -> Evidence:
    return said(Source.SCREEN, state, 0.0, **more)


def hook(state: PaneState, ago: float = 1.0) -> Evidence:
    return said(Source.HOOK, state, ago)


QUESTION = {"dialog": DialogKind.QUESTION}
CASES: dict[str, tuple[PaneFacts | None, list[Evidence], PaneState, Source | None]] = {
    "a pane that is gone is missing": (None, [], S.MISSING, None),
    "a limit that no transcript mentions is seen on the screen once the message has waited": (
        CLAUDE, [alive(), screen(S.RATE_LIMITED), transcript(S.RUNNING, 20, rule="user")],
        S.RATE_LIMITED, Source.SCREEN,
    ),
    "a message that was sent just now is not answered by an older limit on the screen": (
        CLAUDE, [alive(), screen(S.RATE_LIMITED), transcript(S.RUNNING, 5, rule="user")], S.RUNNING, Source.TRANSCRIPT,
    ),
    "a client that has lost its own server is at no prompt, whatever its conversation says": (
        CLAUDE, [alive(), screen(S.API_ERROR, rule="own-server-lost"), transcript(S.COMPLETE)],
        S.API_ERROR, Source.SCREEN,
    ),
    "a client that has lost its own server is in no turn, although one was going on": (
        CLAUDE, [alive(), screen(S.API_ERROR, rule="own-server-lost"), transcript(S.RUNNING, rule="tool_use")],
        S.API_ERROR, Source.SCREEN,
    ),
    "a dead pane is idle whatever is drawn": (replace(CLAUDE, dead=True), [screen(S.PROMPT)], S.IDLE, Source.TMUX),
    "a shell in the foreground is idle over a dead client's prompt": (SHELL, [screen(S.PROMPT)], S.IDLE, Source.TMUX),
    "a shell in the foreground is idle over a dead client's spinner": (
        SHELL, [said(Source.PROCESS, S.IDLE), screen(S.RUNNING)], S.IDLE, Source.PROCESS),
    "a login shell is a shell": (replace(CLAUDE, command="-zsh"), [screen(S.UNKNOWN)], S.IDLE, Source.TMUX),
    "a client that lives in the foreground under a shell's name is not idle": (
        replace(CLAUDE, command="sh"), [alive(), registry(S.PROMPT), screen(S.PROMPT)], S.PROMPT, Source.REGISTRY),
    "a suspended client is unknown, for a second one must not be started": (
        SHELL, [said(Source.PROCESS, S.UNKNOWN), screen(S.PROMPT)], S.UNKNOWN, Source.PROCESS),
    "an editor in the foreground is unknown": (
        replace(CLAUDE, command="vim"), [said(Source.PROCESS, S.UNKNOWN), screen(S.PROMPT)], S.UNKNOWN, Source.PROCESS),
    "a dialog on the screen outranks the registry's busy": (
        CLAUDE, [alive(), registry(S.RUNNING), screen(S.WAITING_APPROVAL, **QUESTION)], S.WAITING_APPROVAL,
        Source.SCREEN),
    "a view on the screen outranks the registry's idle": (
        CLAUDE, [alive(), registry(S.PROMPT), screen(S.WAITING_APPROVAL, dialog=DialogKind.VIEW)], S.WAITING_APPROVAL,
        Source.SCREEN),
    "the registry's waiting counts where no rule knows the dialog": (
        CLAUDE, [alive(), registry(S.WAITING_APPROVAL, dialog=DialogKind.PERMISSION), screen(S.UNKNOWN)],
        S.WAITING_APPROVAL, Source.REGISTRY),
    "the registry's waiting outranks a screen that looks like a prompt": (
        CLAUDE, [alive(), registry(S.WAITING_APPROVAL), screen(S.PROMPT)], S.WAITING_APPROVAL, Source.REGISTRY),
    "the registry's busy outranks a screen that looks like a prompt": (
        CLAUDE, [alive(), registry(S.RUNNING, 600), transcript(S.PROMPT, 600), screen(S.PROMPT)], S.RUNNING,
        Source.REGISTRY),
    "awaited background agents are a turn in progress": (
        CLAUDE, [alive(), registry(S.PROMPT), transcript(S.PROMPT), screen(S.RUNNING)], S.RUNNING, Source.SCREEN),
    "a background shell leaves the prompt a prompt": (
        CLAUDE, [alive(), registry(S.PROMPT, background=True), screen(S.PROMPT)], S.PROMPT, Source.REGISTRY),
    "a message written after the registry said idle is a turn in progress": (
        CLAUDE, [alive(), registry(S.PROMPT, 30), transcript(S.RUNNING, 0.05, rule="user"), screen(S.PROMPT)],
        S.RUNNING, Source.TRANSCRIPT),
    "an interrupted, unanswered message is no turn once the registry says idle": (
        CLAUDE, [alive(), registry(S.PROMPT, 2), transcript(S.RUNNING, 5, rule="user"), screen(S.PROMPT)], S.PROMPT,
        Source.REGISTRY),
    "an old client's fresh message is a turn in progress": (
        CLAUDE, [alive(), transcript(S.RUNNING, 5, rule="user"), screen(S.PROMPT)], S.RUNNING, Source.TRANSCRIPT),
    "an old client's message unanswered for minutes was interrupted": (
        CLAUDE, [alive(), transcript(S.RUNNING, 500, rule="user"), screen(S.PROMPT)], S.PROMPT, Source.SCREEN),
    "an old client's tool that never returned conflicts with a prompt": (
        CLAUDE, [alive(), transcript(S.RUNNING, 500, rule="tool_use"), screen(S.PROMPT)], S.UNKNOWN,
        Source.TRANSCRIPT),
    "a hook's busy is believed while nothing newer says otherwise": (
        CLAUDE, [alive(), hook(S.RUNNING, 3), transcript(S.PROMPT, 50), screen(S.PROMPT)], S.RUNNING, Source.HOOK),
    "a hook's busy is history once the registry says idle": (
        CLAUDE, [alive(), hook(S.RUNNING, 30), registry(S.PROMPT, 3), screen(S.PROMPT)], S.PROMPT, Source.REGISTRY),
    "a hook from the future is not believed": (
        CLAUDE, [alive(), hook(S.RUNNING, -9e9), registry(S.PROMPT, 3), screen(S.PROMPT)], S.PROMPT, Source.REGISTRY),
    "a hook alone makes no wall": (
        CLAUDE, [alive(), hook(S.RATE_LIMITED), registry(S.PROMPT), screen(S.PROMPT)], S.PROMPT, Source.REGISTRY),
    "a hook alone makes no completion": (
        CLAUDE, [alive(), hook(S.COMPLETE), registry(S.PROMPT), screen(S.PROMPT)], S.PROMPT, Source.REGISTRY),
    "a registry's idle with a wall in the transcript is rate limited": (
        CLAUDE, [alive(), registry(S.PROMPT), transcript(S.RATE_LIMITED, resets_at=NOW + 60), screen(S.PROMPT)],
        S.RATE_LIMITED, Source.TRANSCRIPT),
    "a registry's idle with a dead turn in the transcript is an API error": (
        CLAUDE, [alive(), registry(S.PROMPT), transcript(S.API_ERROR, error=ErrorKind.AUTH), screen(S.PROMPT)],
        S.API_ERROR, Source.TRANSCRIPT),
    "a redrawn wall is history when the transcript says so": (
        CLAUDE, [alive(), registry(S.PROMPT), transcript(S.PROMPT), screen(S.RATE_LIMITED)], S.PROMPT,
        Source.REGISTRY),
    "without a transcript the wall on the screen counts": (
        CLAUDE, [alive(), screen(S.RATE_LIMITED)], S.RATE_LIMITED, Source.SCREEN),
    "a wall in the transcript alone, with an unreadable screen and no registry, is unknown": (
        CLAUDE, [alive(), transcript(S.RATE_LIMITED), screen(S.UNKNOWN)], S.UNKNOWN, Source.SCREEN),
    "the agent's last message says DONE and it is at its prompt": (
        CLAUDE, [alive(), registry(S.PROMPT), transcript(S.COMPLETE), screen(S.PROMPT)], S.COMPLETE,
        Source.TRANSCRIPT),
    "DONE in the transcript while the registry says busy is a turn in progress": (
        CLAUDE, [alive(), registry(S.RUNNING), transcript(S.COMPLETE), screen(S.PROMPT)], S.RUNNING, Source.REGISTRY),
    "DONE on the screen does not count against a transcript without it": (
        CLAUDE, [alive(), registry(S.PROMPT), transcript(S.PROMPT), screen(S.COMPLETE)], S.PROMPT, Source.REGISTRY),
    "DONE on the screen counts where there is no transcript": (CLAUDE, [screen(S.COMPLETE)], S.COMPLETE, Source.SCREEN),
    "idle in the registry without an input box on the screen is unknown": (
        CLAUDE, [alive(), registry(S.PROMPT), transcript(S.PROMPT), screen(S.UNKNOWN)], S.UNKNOWN, Source.REGISTRY),
    "a client that has drawn nothing yet is starting": (
        CLAUDE, [alive(2), registry(S.PROMPT), screen(S.UNKNOWN)], S.STARTING, Source.SCREEN),
    "a shell's prompt still drawn above a starting client is starting": (
        CLAUDE, [alive(1), screen(S.IDLE)], S.STARTING, Source.SCREEN),
    "a client that shows no prompt for minutes is not starting": (
        CLAUDE, [alive(600), screen(S.STARTING)], S.UNKNOWN, Source.SCREEN),
    "a shell's prompt below a live client is a conflict": (CLAUDE, [alive(600), screen(S.IDLE)], S.UNKNOWN,
        Source.SCREEN),
    "the title's spinner counts where the box looks idle": (
        CLAUDE, [alive(), said(Source.TITLE, S.RUNNING), screen(S.PROMPT)], S.RUNNING, Source.TITLE),
    "with no evidence at all it is unknown": (CLAUDE, [], S.UNKNOWN, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    facts, evidence, state, source = CASES[case]
    answer = classify(facts, evidence, NOW)
    assert (answer.state, answer.source) == (state, source), answer.reason


def test_a_wall_without_a_time_takes_it_from_the_screen() -> None:
    evidence = [registry(S.PROMPT), transcript(S.RATE_LIMITED), screen(S.RATE_LIMITED, resets_at=NOW + 9)]
    assert classify(CLAUDE, evidence, NOW).resets_at == NOW + 9


def test_what_is_drafted_and_what_runs_behind_is_told_of_a_live_client_only() -> None:
    evidence = [registry(S.PROMPT, background=True), screen(S.PROMPT, draft="half a thought")]
    live, gone = classify(CLAUDE, evidence, NOW), classify(SHELL, evidence, NOW)
    assert (live.draft, live.background) == ("half a thought", True)
    assert (gone.draft, gone.background) == (None, False)


def test_an_unnamed_dialog_takes_its_kind_from_the_registry() -> None:
    evidence = [
        registry(S.WAITING_APPROVAL, dialog=DialogKind.PERMISSION),
        screen(S.WAITING_APPROVAL, dialog=DialogKind.OTHER),
    ]
    assert classify(CLAUDE, evidence, NOW).dialog is DialogKind.PERMISSION


states = st.sampled_from(list(PaneState))
ages = st.floats(-20, 2000)
pieces = st.builds(said, st.sampled_from(list(Source)), st.none() | states, ages)
lists = st.lists(pieces, max_size=8)
living = st.lists(pieces.filter(lambda piece: piece.source is not Source.PROCESS), max_size=8)


@settings(max_examples=60)
@given(lists, ages)
def test_stale_registry_evidence_never_changes_the_answer(evidence: list[Evidence], age: float) -> None:
    stale = registry(None, age)
    bare, more = (classify(CLAUDE, some, NOW) for some in (evidence, [*evidence, stale]))
    assert replace(bare, evidence=()) == replace(more, evidence=())


@settings(max_examples=60)
@given(living)
def test_a_dialog_on_the_screen_always_wins_over_any_live_evidence(evidence: list[Evidence]) -> None:
    others = [piece for piece in evidence if piece.source is not Source.SCREEN]
    answer = classify(CLAUDE, [alive(), *others, screen(S.WAITING_APPROVAL, **QUESTION)], NOW)
    assert (answer.state, answer.dialog) == (S.WAITING_APPROVAL, DialogKind.QUESTION)


@settings(max_examples=60)
@given(living, st.sampled_from([Source.REGISTRY, Source.SCREEN]))
def test_nothing_is_at_rest_while_the_registry_or_the_screen_says_busy(evidence: list[Evidence], busy: Source) -> None:
    others = [piece for piece in evidence if piece.source is not busy]
    answer = classify(CLAUDE, [alive(), *others, said(busy, S.RUNNING, 0)], NOW)
    assert answer.state in (S.RUNNING, S.WAITING_APPROVAL)


@settings(max_examples=60)
@given(lists)
def test_a_shell_in_the_foreground_with_no_client_is_always_idle(evidence: list[Evidence]) -> None:
    others = [piece for piece in evidence if piece.source is not Source.PROCESS]
    assert classify(SHELL, [*others, said(Source.PROCESS, S.IDLE)], NOW).state is S.IDLE


@settings(max_examples=60)
@given(living, st.sampled_from([S.COMPLETE, S.RATE_LIMITED, S.API_ERROR, S.WAITING_APPROVAL, S.PROMPT, S.IDLE]), ages)
def test_a_hook_never_decides_anything_but_a_turn_in_progress(
    evidence: list[Evidence], state: PaneState, age: float
) -> None:
    others = [piece for piece in evidence if piece.source is not Source.HOOK]
    bare, more = (classify(CLAUDE, some, NOW) for some in (others, [*others, hook(state, age)]))
    assert bare.state is more.state


@settings(max_examples=60)
@given(lists)
def test_the_order_of_evidence_is_of_no_account(evidence: list[Evidence]) -> None:
    once = {piece.source: piece for piece in evidence}
    forth = classify(CLAUDE, list(once.values()), NOW)
    back = classify(CLAUDE, list(reversed(once.values())), NOW)
    assert (forth.state, forth.reason) == (back.state, back.reason)
