"""What to do about an agent: the first occasion in the action table that fits. Recoveries run, decisions ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from fleetscripts.account import own_name
from fleetscripts.core.dialogs.dialog_policy import DECISIONS, RECOVERIES
from fleetscripts.core.gates.gates import Outcome
from fleetscripts.core.gates.github_limit import WAIT_SECONDS
from fleetscripts.core.planning.action_row import LEFT_ALONE, ActionRow, On, Turn
from fleetscripts.core.planning.actions import ACTIONS, BY_NAME
from fleetscripts.core.planning.limits import Limits
from fleetscripts.core.planning.progress import moving, stood_still, waits_by_itself
from fleetscripts.core.planning.rescue import PARKED, Pick, due, has_reset, pause_seconds, resets_soon
from fleetscripts.core.planning.row_times import allowed
from fleetscripts.core.spending.holding import BUDGET
from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.models import Action, ActionKind, AgentState, Classification, DialogKind, ErrorKind, PaneState

PASSING_ERRORS = frozenset({ErrorKind.OVERLOADED, ErrorKind.SERVER, ErrorKind.OTHER})
"""Errors of a turn that may not recur on a retry; the others persist until a person acts."""


REST_SECONDS = 5.0
"""An agent at its prompt this long is at rest, and can be moved without losing work in progress."""


OBSTACLE_RETRY_SECONDS = 60.0
"""How often a refused action that was escalated is retried, in case the obstacle is gone."""


@dataclass(frozen=True, slots=True)
class PolicyCase:
    """One agent as just observed."""

    agent: Agent
    found: Classification
    limits: Limits
    now: float
    prospect: Pick | None = None

    @property
    def still_seconds(self) -> float:
        return stood_still(self.agent, self.found, self.now)

    @property
    def nudged_seconds_ago(self) -> float:
        return self.now - max(self.agent.attempts.nudged_at, self.agent.last_rebriefed_at)


def told_of_github(agent: Agent, now: float) -> bool:
    """Whether to ask it to wait: it has just reached GitHub's limit and was not notified in this wait."""
    met, told = agent.seen.github_limited_at, agent.notices.github_told_at
    return met > told and 0 <= now - met < WAIT_SECONDS and not 0 <= now - told < WAIT_SECONDS


def began(agent: Agent) -> float:
    """When it began to be given a new task, or until when its worktree is being set up for one; 0 where the record has
    neither."""
    told = (agent.task.pending or {}).get
    return max((float(at) for at in (told("at"), told("busy_until")) if isinstance(at, int | float)), default=0)


Condition = Callable[[PolicyCase], bool]
CONDITIONS: Mapping[str, Condition] = {
    "always": lambda case: True,
    "over": lambda case: case.agent.finished,
    "finding waits": lambda case: bool(case.agent.verdict.waiting) and not case.agent.finished,
    "judged": lambda case: case.agent.state is AgentState.PENDING_EVALUATION,
    "escalated": lambda case: case.agent.state is AgentState.ESCALATED,
    "restarted enough": lambda case: case.agent.attempts.restarts >= case.limits.tries,
    "nudged enough": lambda case: case.agent.attempts.nudges >= case.limits.tries,
    "re-briefed enough": lambda case: case.agent.attempts.fruitless_rounds >= case.limits.tries,
    "re-briefed without end": lambda case: case.agent.attempts.rounds >= case.limits.rounds,
    "out of memory": lambda case: bool(case.agent.seen.out_of_memory),
    "restarted for memory": lambda case: case.agent.attempts.memory_restarts > 0,
    "just restarted": lambda case: 0 <= case.now - case.agent.attempts.restarted_at < case.agent.attempts.restarts * 2,
    "budget elsewhere": lambda case: (
        case.prospect is not None
        and not has_reset(case.found, case.now)
        and not resets_soon(case.found, case.now)
        and not case.found.background
    ),
    "cheaper elsewhere": lambda case: (
        case.prospect is not None
        and case.prospect.saves
        and not (case.found.background or case.found.draft)
        and case.still_seconds >= REST_SECONDS
    ),
    "on credits": lambda case: (
        case.agent.seen.spends_until > case.now
        and (case.agent.account or own_name(case.agent.agent)) not in case.limits.may_spend
    ),
    "in rescue": lambda case: case.agent.rescue.stage not in ("", PARKED),
    "put back": lambda case: case.agent.rescue.stage == PARKED,
    "rescued enough": lambda case: case.agent.attempts.rescues >= case.limits.tries,
    "time to wake": lambda case: (
        due(case.agent, case.found, case.now)
        and case.nudged_seconds_ago >= pause_seconds(case.agent, case.limits.wake_pause_seconds)
    ),
    "woken enough": lambda case: case.agent.attempts.wakes >= case.limits.tries,
    "auth": lambda case: case.found.error is ErrorKind.AUTH,
    "context": lambda case: case.found.error is ErrorKind.CONTEXT,
    "handed over": lambda case: bool(case.agent.rescue.handover_from),
    "held back": lambda case: bool(case.agent.attempts.refusal),
    "refused for long": lambda case: (
        bool(case.agent.attempts.obstacle)
        and case.now - case.agent.attempts.obstacle_since >= case.limits.idle_threshold_seconds
        and case.now - case.agent.attempts.obstacle_at < OBSTACLE_RETRY_SECONDS
    ),
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
    "waits by itself": lambda case: waits_by_itself(case.agent, case.now),
    "moving": lambda case: moving(case.agent, case.found, case.limits.idle_threshold_seconds, case.now),
    "just nudged": lambda case: case.nudged_seconds_ago < case.limits.nudge_cooldown_seconds,
    "denied": lambda case: bool(case.agent.seen.denied),
    "draft": lambda case: bool(case.found.draft),
    "held": lambda case: bool(case.agent.hold.reason),
    "at a cap": lambda case: bool(case.agent.hold.cap) and case.agent.hold.reason.startswith(BUDGET),
    "changing task": lambda case: case.agent.task.pending is not None,
    "just begun": lambda case: case.now - began(case.agent) < case.limits.task_change_seconds,
    "github limit": lambda case: told_of_github(case.agent, case.now) and not case.found.draft and case.limits.nudges,
    "on demand": lambda case: not case.limits.nudges,
}


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """``action`` empty: leave it alone. ``pane`` None: any state. ``reason`` may name fields of the agent.
    ``begins_turn``: not for an agent at a cap. ``row`` and ``on``: the action and occasion it is made from."""

    pane: PaneState | None
    when: str
    action: str = ""
    kind: ActionKind = ActionKind.RECOVERY
    reason: str = ""
    begins_turn: bool = False
    row: ActionRow = LEFT_ALONE
    on: On = On(None, "always")

    def fits(self, case: PolicyCase) -> bool:
        """Whether its occasion applies and its times allow it now."""
        if (self.begins_turn and case.agent.hold.cap) or self.pane not in (None, case.found.state):
            return False
        return (
            all(CONDITIONS[name](case) for name in _names(self.when))
            and (self.on.fits is None or self.on.fits(case.agent, case.found))
            and allowed(self.row, self.on, case.agent, case.limits, case.now)
        )


@cache
def _names(when: str) -> tuple[str, ...]:
    return tuple(when.split("+"))


def _rule(row: ActionRow, occasion: On) -> PolicyRule:
    name = row.name if occasion.action is None else occasion.action
    named = BY_NAME.get(name)
    kind = ActionKind.RECOVERY if named is None else named.kind
    begins_turn = named is not None and named.turn is Turn.BEGINS
    of = named or LEFT_ALONE
    return PolicyRule(occasion.pane, occasion.when, name, kind, occasion.reason, begins_turn, of, occasion)


RULES = tuple(_rule(row, occasion) for row in ACTIONS for occasion in row.when)
"""The policy that follows from the action table, in its order."""


def decide(case: PolicyCase) -> PolicyRule | None:
    """The row for this agent, None if it is left alone."""
    rule = next((rule for rule in _rules_for(case.found.state) if rule.fits(case)), None)
    return rule if rule is not None and rule.action else None


@cache
def _rules_for(state: PaneState) -> tuple[PolicyRule, ...]:
    """Those that a pane in this state may meet."""
    return tuple(rule for rule in RULES if rule.pane in (None, state))


VERIFIED_SECONDS = (60.0, 600.0)
"""How long a verdict is trusted while work waits for evaluation: the longer it has held, the longer."""


def verified_until(agent: Agent) -> float:
    """When work that waits for evaluation is verified again."""
    shortest, longest = VERIFIED_SECONDS
    return agent.verdict.at + min(max(agent.verdict.at - agent.verdict.since, shortest), longest)


def to_perform(agent: Agent, action: Action, now: float) -> Action | None:
    """What the loop does about it: for a decision only its ``meanwhile``, when that is due."""
    if action.kind is not ActionKind.DECISION:
        return action
    meanwhile = BY_NAME[action.action].meanwhile
    if not meanwhile or not agent.verdict.at or agent.verdict.at <= now < verified_until(agent):
        return None
    return replace(action, action=meanwhile, kind=ActionKind.RECOVERY, reason="whether every gate still holds")


def dialog_reason(dialog: str) -> str:
    """Why a dialog is left to a person."""
    return DECISIONS.get(DialogKind(dialog), "this dialog is not known") if dialog else "this dialog is not known"
