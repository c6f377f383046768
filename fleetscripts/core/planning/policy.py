"""What to do about an agent, as a table: the first row that fits decides. Recoveries execute, decisions escalate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fleetscripts.core.dialogs.dialog_policy import DECISIONS, RECOVERIES
from fleetscripts.core.gates.gates import Outcome
from fleetscripts.core.gates.github_limit import WAIT_SECONDS
from fleetscripts.core.planning.progress import moving, stood_still
from fleetscripts.core.planning.rescue import Prospect, due, has_reset
from fleetscripts.fleet import Agent
from fleetscripts.models import ActionKind, AgentState, Classification, DialogKind, ErrorKind, PaneState

PASSING_ERRORS = frozenset({ErrorKind.OVERLOADED, ErrorKind.SERVER, ErrorKind.OTHER})
"""Errors of a turn that a later try may not meet; the others stay until a person acts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds from the settings. ``tries``: kicks, nudges or re-briefs without progress before a person decides.

    ``rounds``: re-briefs before one does whatever came of them; a hard review takes three to five."""

    idle_threshold_seconds: float = 300
    nudge_cooldown_seconds: float = 300
    verify_pause_seconds: float = 30
    retry_pause_seconds: float = 30
    task_change_seconds: float = 120
    wake_pause_seconds: float = 60
    tries: int = 3
    rounds: int = 10
    nudges: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """One agent as just seen."""

    agent: Agent
    found: Classification
    limits: Limits
    now: float
    prospect: Prospect | None = None

    @property
    def still_seconds(self) -> float:
        return stood_still(self.agent, self.found, self.now)

    @property
    def nudged_seconds_ago(self) -> float:
        return self.now - max(self.agent.attempts.nudged_at, self.agent.last_rebriefed_at)


def told_of_github(agent: Agent, now: float) -> bool:
    """Whether to say that it must wait: it met the limit just now, and was not told so while the wait lasts."""
    met, told = agent.seen.github_limited_at, agent.notices.github_told_at
    return met > told and 0 <= now - met < WAIT_SECONDS and not 0 <= now - told < WAIT_SECONDS


def began(agent: Agent) -> float:
    """When a new task began to be given to it; 0 where the record does not say."""
    at = (agent.task.pending or {}).get("at")
    return float(at) if isinstance(at, int | float) else 0


Condition = Callable[[Case], bool]
CONDITIONS: Mapping[str, Condition] = {
    "always": lambda case: True,
    "over": lambda case: case.agent.finished,
    "judged": lambda case: case.agent.state is AgentState.PENDING_EVALUATION,
    "escalated": lambda case: case.agent.state is AgentState.ESCALATED,
    "kicked enough": lambda case: case.agent.attempts.restarts >= case.limits.tries,
    "nudged enough": lambda case: case.agent.attempts.nudges >= case.limits.tries,
    "re-briefed enough": lambda case: case.agent.attempts.fruitless_rounds >= case.limits.tries,
    "re-briefed without end": lambda case: case.agent.attempts.rounds >= case.limits.rounds,
    "just kicked": lambda case: 0 <= case.now - case.agent.attempts.restarted_at < case.agent.attempts.restarts * 2,
    "budget elsewhere": lambda case: case.prospect is not None and not has_reset(case.found, case.now),
    "in rescue": lambda case: bool(case.agent.rescue.stage),
    "rescued enough": lambda case: case.agent.attempts.rescues >= case.limits.tries,
    "time to wake": lambda case: (
        due(case.agent, case.found, case.now) and case.nudged_seconds_ago >= case.limits.wake_pause_seconds
    ),
    "auth": lambda case: case.found.error is ErrorKind.AUTH,
    "context": lambda case: case.found.error is ErrorKind.CONTEXT,
    "handed over": lambda case: bool(case.agent.rescue.handover_from),
    "held back": lambda case: bool(case.agent.attempts.refusal),
    "answerable": lambda case: case.found.dialog in RECOVERIES,
    "passing": lambda case: case.found.error in PASSING_ERRORS,
    "pausing": lambda case: (
        case.nudged_seconds_ago < case.limits.retry_pause_seconds * 2**case.agent.attempts.nudges
        or case.still_seconds < case.limits.retry_pause_seconds
    ),
    "found wanting": lambda case: (
        case.agent.verdict.outcome == Outcome.NOT_COMPLETE and case.agent.verdict.at >= case.agent.seen.since
    ),
    "just verified": lambda case: 0 <= case.now - case.agent.verdict.at < case.limits.verify_pause_seconds,
    "lasting": lambda case: case.now - case.agent.seen.unknown_since >= case.limits.idle_threshold_seconds,
    "moving": lambda case: moving(case.agent, case.found, case.limits.idle_threshold_seconds, case.now),
    "just nudged": lambda case: case.nudged_seconds_ago < case.limits.nudge_cooldown_seconds,
    "draft": lambda case: bool(case.found.draft),
    "held": lambda case: bool(case.agent.hold.reason),
    "changing task": lambda case: case.agent.task.pending is not None,
    "just begun": lambda case: case.now - began(case.agent) < case.limits.task_change_seconds,
    "github limit": lambda case: told_of_github(case.agent, case.now) and not case.found.draft and case.limits.nudges,
    "on demand": lambda case: not case.limits.nudges,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """``action`` empty: leave it alone. ``pane`` None: whatever it shows. ``reason`` may name fields of the agent."""

    pane: PaneState | None
    when: str
    action: str = ""
    kind: ActionKind = ActionKind.RECOVERY
    reason: str = ""


_RECOVERY, _DECISION = ActionKind.RECOVERY, ActionKind.DECISION

_CUT_OFF = (PaneState.IDLE, PaneState.MISSING, PaneState.PROMPT)
"""What the pane of a rescue shows that ended half-way."""

_NO_RESCUE = "{attempts.rescues} rescues failed: {rescue.problem}"

RULES: tuple[Rule, ...] = (
    Rule(None, "changing task+just begun"),
    Rule(None, "changing task", "settle_task", _RECOVERY, "whoever gave it a new task ended half-way"),
    Rule(None, "over"),
    Rule(None, "judged", "evaluate", _DECISION, "every gate held; somebody has to judge the work"),
    Rule(None, "escalated", "escalated", _DECISION, "{escalation.reason}"),
    *(Rule(pane, "held") for pane in (*_CUT_OFF, PaneState.API_ERROR, PaneState.RATE_LIMITED)),
    *(Rule(pane, "in rescue+rescued enough", "escalate", _DECISION, _NO_RESCUE) for pane in _CUT_OFF),
    *(Rule(pane, "in rescue+budget elsewhere", "rescue", _RECOVERY, "a rescue was cut short") for pane in _CUT_OFF),
    *(Rule(pane, "in rescue", "park", _RECOVERY, "between accounts, none of which has budget") for pane in _CUT_OFF),
    Rule(
        PaneState.IDLE,
        "kicked enough",
        "escalate",
        _DECISION,
        "the client ended {attempts.restarts} times without progress",
    ),
    Rule(PaneState.IDLE, "just kicked"),
    Rule(PaneState.IDLE, "always", "resume", _RECOVERY, "the client has ended, a shell stands there"),
    Rule(
        PaneState.MISSING,
        "kicked enough",
        "escalate",
        _DECISION,
        "its window went {attempts.restarts} times without progress",
    ),
    Rule(PaneState.MISSING, "just kicked"),
    Rule(PaneState.MISSING, "always", "restore", _RECOVERY, "its window is gone"),
    Rule(PaneState.WAITING_APPROVAL, "held back", "dialog", _DECISION, "{seen.dialog}: {attempts.refusal}"),
    Rule(
        PaneState.WAITING_APPROVAL, "answerable", "answer_dialog", _RECOVERY, "a {seen.dialog} dialog stands before it"
    ),
    Rule(PaneState.WAITING_APPROVAL, "always", "dialog", _DECISION, "{seen.dialog}: {dialog_reason}"),
    Rule(PaneState.RATE_LIMITED, "rescued enough", "escalate", _DECISION, _NO_RESCUE),
    Rule(PaneState.RATE_LIMITED, "budget elsewhere", "rescue", _RECOVERY, "at a usage limit, another account is not"),
    Rule(PaneState.RATE_LIMITED, "answerable", "answer_dialog", _RECOVERY, "the menu of a usage limit: wait there"),
    Rule(PaneState.RATE_LIMITED, "time to wake", "wake", _RECOVERY, "its usage limit has reset"),
    Rule(PaneState.RATE_LIMITED, "always", "park", _RECOVERY, "at a usage limit"),
    Rule(
        PaneState.API_ERROR, "passing+nudged enough", "escalate", _DECISION, "its turns keep dying: {seen.error} error"
    ),
    Rule(PaneState.API_ERROR, "passing+pausing"),
    Rule(PaneState.API_ERROR, "passing", "continue", _RECOVERY, "its turn died on a passing error ({seen.error})"),
    Rule(PaneState.API_ERROR, "auth+rescued enough", "escalate", _DECISION, _NO_RESCUE),
    Rule(PaneState.API_ERROR, "auth+budget elsewhere", "rescue", _RECOVERY, "its login is not accepted"),
    Rule(PaneState.API_ERROR, "context+rescued enough", "escalate", _DECISION, _NO_RESCUE),
    Rule(PaneState.API_ERROR, "context+handed over", "escalate", _DECISION, "its conversation is full once more"),
    Rule(PaneState.API_ERROR, "context", "renew", _RECOVERY, "its conversation is full"),
    Rule(PaneState.API_ERROR, "always", "api_error", _DECISION, "its turn died: {seen.error} error"),
    Rule(
        PaneState.COMPLETE,
        "re-briefed enough",
        "escalate",
        _DECISION,
        "DONE {attempts.fruitless_rounds} times for nothing",
    ),
    Rule(
        PaneState.COMPLETE,
        "re-briefed without end",
        "escalate",
        _DECISION,
        "sent back {attempts.rounds} times, and still not complete",
    ),
    Rule(
        PaneState.COMPLETE,
        "on demand+found wanting+just verified",
        "not_complete",
        _DECISION,
        "it says that it has finished, but {verdict.findings}",
    ),
    Rule(PaneState.COMPLETE, "just verified"),
    Rule(PaneState.COMPLETE, "always", "verify", _RECOVERY, "it says that it has finished"),
    Rule(PaneState.UNKNOWN, "lasting", "escalate", _DECISION, "its state cannot be told: {seen.reason}"),
    Rule(PaneState.RUNNING, "moving"),
    Rule(PaneState.RUNNING, "always", "stuck", _DECISION, "it says that it works, but nothing moves"),
    Rule(PaneState.PROMPT, "github limit", "github_wait", _RECOVERY, "it met GitHub's secondary rate limit"),
    Rule(PaneState.PROMPT, "moving"),
    Rule(PaneState.PROMPT, "just nudged"),
    Rule(PaneState.PROMPT, "draft", "stalled", _DECISION, "at its prompt with somebody's unsent text in the box"),
    Rule(PaneState.PROMPT, "on demand", "stalled", _DECISION, "it waits at its prompt with its work not done"),
    Rule(
        PaneState.PROMPT, "nudged enough", "escalate", _DECISION, "it stopped {attempts.nudges} times without progress"
    ),
    Rule(PaneState.PROMPT, "always", "nudge", _RECOVERY, "it waits at its prompt with its work not done"),
)


def decide(case: Case) -> Rule | None:
    """The row for this agent, None where it is left alone."""
    for rule in RULES:
        if rule.pane in (None, case.found.state) and all(CONDITIONS[name](case) for name in rule.when.split("+")):
            return rule if rule.action else None
    return None


def dialog_reason(dialog: str) -> str:
    """Why a dialog is a person's to answer."""
    return DECISIONS.get(DialogKind(dialog), "this dialog is not known") if dialog else "this dialog is not known"
