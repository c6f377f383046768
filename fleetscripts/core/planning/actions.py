"""Everything that may be proposed for an agent: one row per action, in order of priority.

A row says when the action is proposed, how it is performed and how it is reported. To add one, add a row at its
priority, and the function that it names."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscripts.core.planning.action_row import ESCALATE, LEAVE, ActionRow, Lane, Mark, On, Turn
from fleetscripts.core.planning.limit_actions import AT_A_LIMIT, BUDGET, NO_RESCUE, RESCUE, RESCUED, SPENDING
from fleetscripts.models import ActionKind, PaneState

_DECISION = ActionKind.DECISION

_RESTARTS = "{attempts.restarts} times without progress"
_EXPLAIN = "classify-pane {agent} --explain"
_RESTORE = "restore-agent {agent}"
_OUT_OF_MEMORY = "the kernel ended its client for memory ({seen.out_of_memory})"
_UNTOLD = "its work was judged while it could not receive messages"
_WAITS = tuple(On(pane, "finding waits", _UNTOLD) for pane in (PaneState.COMPLETE, PaneState.PROMPT))
_SEND = 'send-agent {agent} "what it lacks"'
_VERIFIED = (("every gate holds", Mark.VERIFIED), ("not_complete", Mark.MISSING))

ACTIONS: tuple[ActionRow, ...] = (
    ActionRow(
        "settle_task",
        Turn.NONE,
        (
            On(None, "changing task+just begun", action=LEAVE),
            On(None, "changing task", "the sender of its new task crashed"),
        ),
        performer="settle_task:settle_task",
        words="settling a new task",
        undone="task_unsettled",
        calls=(_EXPLAIN,),
    ),
    ActionRow(
        "evaluate",
        Turn.NONE,
        (
            On(None, "over", action=LEAVE),
            On(None, "judged", "every gate passed; the work has to be judged"),
        ),
        _DECISION,
        calls=("evaluate {agent}",),
        noticed=True,
        meanwhile="verify_again",
    ),
    ActionRow(
        "verify_again",
        Turn.NONE,
        lane=Lane.VERIFY,
        performer="verify_done:verify_again",
        words="verifying again what waits for evaluation",
        marks=_VERIFIED,
    ),
    ActionRow(
        "escalated",
        Turn.NONE,
        (On(None, "escalated", "{escalation.reason}"),),
        _DECISION,
        calls=(_SEND, "update-agent {agent} state=running"),
        noticed=True,
    ),
    ActionRow(
        "obstructed",
        Turn.NONE,
        (On(None, "refused for long", "nothing could be done for it: {attempts.obstacle}"),),
        _DECISION,
        calls=(_EXPLAIN,),
    ),
    BUDGET,
    RESCUE,
    ActionRow(
        "answer_dialog",
        Turn.NONE,
        (
            On(PaneState.WAITING_APPROVAL, "held back", "{seen.dialog}: {attempts.refusal}", "dialog"),
            On(PaneState.WAITING_APPROVAL, "answerable", "a {seen.dialog} dialog is open"),
            On(PaneState.RATE_LIMITED, "answerable", "the menu of a usage limit: wait there"),
        ),
        performer="resume:answer_dialog",
        words="answering a dialog",
    ),
    ActionRow(
        "dialog",
        Turn.NONE,
        (On(PaneState.WAITING_APPROVAL, "always", "{seen.dialog}: {dialog_reason}"),),
        _DECISION,
        calls=('answer-dialog {agent} --choose "ROW"',),
    ),
    *AT_A_LIMIT,
    ActionRow(
        "out_of_memory",
        Turn.NONE,
        (On(PaneState.IDLE, "out of memory+restarted for memory", f"{_OUT_OF_MEMORY}, again after it was resumed"),),
        _DECISION,
        calls=(_RESTORE,),
    ),
    ActionRow(
        "resume",
        Turn.BEGINS,
        (
            On(PaneState.IDLE, "restarted enough", f"the client ended {_RESTARTS}", ESCALATE),
            On(PaneState.IDLE, "just restarted", action=LEAVE),
            On(PaneState.IDLE, "out of memory", _OUT_OF_MEMORY),
            On(PaneState.IDLE, "always", "the client has ended, its pane is at a shell"),
        ),
        lane=Lane.START,
        performer="begin_anew:resume",
        counter="restarts",
        words="resuming its client",
        marks=RESCUED,
        undone="ended",
        calls=(_RESTORE,),
    ),
    ActionRow(
        "restore",
        Turn.BEGINS,
        (
            On(PaneState.MISSING, "restarted enough", f"its window went {_RESTARTS}", ESCALATE),
            On(PaneState.MISSING, "just restarted", action=LEAVE),
            On(PaneState.MISSING, "always", "its window is gone"),
        ),
        lane=Lane.START,
        performer="begin_anew:restore",
        counter="restarts",
        words="restoring its window",
        marks=RESCUED,
        undone="pane_gone",
        calls=(_RESTORE,),
    ),
    ActionRow(
        "continue",
        Turn.BEGINS,
        (
            On(PaneState.API_ERROR, "passing+nudged enough", "its turns keep dying: {seen.error} error", ESCALATE),
            On(PaneState.API_ERROR, "passing+pausing", action=LEAVE),
            On(PaneState.API_ERROR, "passing", "its turn died on a passing error ({seen.error})"),
        ),
        performer="resume:nudge",
        counter="nudges",
        words="prompting it to continue",
    ),
    ActionRow(
        "renew",
        Turn.BEGINS,
        (
            On(PaneState.API_ERROR, "context+rescued enough", NO_RESCUE, ESCALATE),
            On(PaneState.API_ERROR, "context+handed over", "its conversation is full once more", ESCALATE),
            On(PaneState.API_ERROR, "context", "its conversation is full"),
        ),
        lane=Lane.RESCUE,
        performer="rescue:renew",
        counter="rescues",
        words="renewing its client",
        marks=RESCUED,
    ),
    ActionRow(
        "api_error",
        Turn.NONE,
        (On(PaneState.API_ERROR, "always", "its turn died: {seen.error} error"),),
        _DECISION,
        calls=(_EXPLAIN,),
    ),
    ActionRow(
        "hand_back", Turn.BEGINS, _WAITS, performer="rebrief:hand_back", words="telling it what was found missing"
    ),
    ActionRow(
        "not_complete",
        Turn.NONE,
        (
            On(
                PaneState.COMPLETE,
                "re-briefed enough",
                "reported DONE {attempts.fruitless_rounds} times, but gates fail",
                ESCALATE,
            ),
            On(
                PaneState.COMPLETE,
                "re-briefed without end",
                "sent back {attempts.rounds} times, and still not complete",
                ESCALATE,
            ),
            On(
                PaneState.COMPLETE,
                "on demand+found wanting+just verified",
                "it says that it has finished, but {verdict.findings}",
            ),
        ),
        _DECISION,
        calls=('send-agent {agent} "what is missing"',),
    ),
    ActionRow(
        "verify",
        Turn.NONE,
        (
            On(PaneState.COMPLETE, "just verified", action=LEAVE),
            On(PaneState.COMPLETE, "always", "it says that it has finished"),
        ),
        lane=Lane.VERIFY,
        performer="verify_done:verify_agent",
        words="verifying its work",
        marks=_VERIFIED,
    ),
    SPENDING,
    ActionRow(
        "stuck",
        Turn.NONE,
        (
            On(PaneState.RUNNING, "moving", action=LEAVE),
            On(PaneState.RUNNING, "always", "it says that it works, but nothing moves"),
        ),
        _DECISION,
        calls=(_EXPLAIN, "interrupt-agent {agent}"),
    ),
    ActionRow(
        "denied",
        Turn.NONE,
        (On(PaneState.PROMPT, "denied", "its client's safety check denied: {seen.denied}"),),
        _DECISION,
        calls=('send-agent {agent} "what to do instead"',),
    ),
    ActionRow(
        "github_wait",
        Turn.BEGINS,
        (On(PaneState.PROMPT, "github limit", "it met GitHub's secondary rate limit"),),
        performer="github_wait:tell_to_wait",
        words="telling it to wait for GitHub",
    ),
    ActionRow(
        "stalled",
        Turn.NONE,
        (
            On(PaneState.PROMPT, "waits by itself", action=LEAVE),
            On(PaneState.PROMPT, "moving", action=LEAVE),
            On(PaneState.PROMPT, "just nudged", action=LEAVE),
            On(PaneState.PROMPT, "draft", "at its prompt with an unsent draft in the box"),
            On(PaneState.PROMPT, "on demand", "it waits at its prompt with its work not done"),
        ),
        _DECISION,
        calls=(_SEND,),
    ),
    ActionRow(
        "nudge",
        Turn.BEGINS,
        (
            On(
                PaneState.PROMPT,
                "nudged enough",
                "it stopped {attempts.nudges} times without progress",
                ESCALATE,
            ),
            On(PaneState.PROMPT, "always", "it waits at its prompt with its work not done"),
        ),
        performer="resume:nudge",
        counter="nudges",
        words="reminding it",
    ),
    ActionRow(
        ESCALATE,
        Turn.NONE,
        (
            On(
                PaneState.UNKNOWN,
                "always",
                "its state is unclear: {seen.reason}",
                since="seen.unknown_since",
                after="idle_threshold_seconds",
            ),
        ),
        _DECISION,
        calls=(_SEND,),
    ),
)

BY_NAME: Mapping[str, ActionRow] = {row.name: row for row in ACTIONS}


def words_of(name: str) -> str:
    """An action in words for people; its name where it has none, or is none of this version."""
    return (BY_NAME[name].words if name in BY_NAME else "") or name


NOTICED = frozenset(row.name for row in ACTIONS if row.noticed)
"""Decisions notified by whoever causes them; the loop notifies only where nobody did."""
