"""What is proposed for an agent at a usage limit or spending cap. Their priority is their position in ``actions``."""

from __future__ import annotations

from fleetscripts.core.planning.action_row import ESCALATE, LEAVE, ActionRow, Lane, Mark, On, Once, Turn
from fleetscripts.models import ActionKind, PaneState

CUT_OFF = (PaneState.IDLE, PaneState.MISSING, PaneState.PROMPT)
"""What the pane shows of a rescue that was interrupted."""

NO_RESCUE = "{attempts.rescues} rescues failed: {rescue.problem}"
_SPENDS = "its subscription is used up, and it continues on credits, which its account's may_spend does not allow"
_OTHER_ACCOUNT = ("balance", "rescue-agent {agent} --account NAME")
RESCUED = (("failed", Mark.MISSING), ("refused", Mark.MISSING), ("", Mark.RESCUE))

_AT_REST = (*CUT_OFF, PaneState.API_ERROR, PaneState.RATE_LIMITED)
_FINDINGS = "{hold.reason}; it says that it has finished, but {verdict.findings}"

BUDGET = ActionRow(
    "budget",
    Turn.NONE,
    (
        *(On(pane, "at a cap", "{hold.reason}") for pane in _AT_REST),
        On(PaneState.COMPLETE, "at a cap+found wanting+just verified", _FINDINGS),
    ),
    ActionKind.DECISION,
    calls=("balance --allow {agent}",),
    once=Once.HOLD,
)

RESCUE = ActionRow(
    "rescue",
    Turn.BEGINS,
    (
        *(On(pane, "held", action=LEAVE) for pane in _AT_REST),
        *(On(pane, "in rescue+rescued enough", NO_RESCUE, ESCALATE) for pane in CUT_OFF),
        *(On(pane, "in rescue+budget elsewhere", "a rescue was cut short") for pane in CUT_OFF),
        On(PaneState.RATE_LIMITED, "rescued enough", NO_RESCUE, ESCALATE),
        On(PaneState.RATE_LIMITED, "budget elsewhere", "at a usage limit, another account is not"),
        On(PaneState.API_ERROR, "auth+rescued enough", NO_RESCUE, ESCALATE),
        On(PaneState.API_ERROR, "auth+budget elsewhere", "its login is not accepted"),
        On(PaneState.PROMPT, "cheaper elsewhere", "it spends where a subscription has budget again"),
    ),
    lane=Lane.RESCUE,
    performer="rescue:rescue",
    counter="rescues",
    words="moving it to another account",
    marks=RESCUED,
    account=True,
)

AT_A_LIMIT = (
    ActionRow(
        "wake",
        Turn.BEGINS,
        (
            On(PaneState.RATE_LIMITED, "time to wake", "its usage limit has reset"),
            On(PaneState.PROMPT, "put back+time to wake", "its usage limit has reset"),
        ),
        performer="rescue:wake",
        words="waking it",
        marks=RESCUED,
    ),
    ActionRow(
        "limit_stays",
        Turn.NONE,
        (
            On(
                PaneState.RATE_LIMITED,
                "woken enough",
                "its usage limit ought to have reset, yet {attempts.wakes} tries were refused; tried again later",
            ),
        ),
        ActionKind.DECISION,
        calls=_OTHER_ACCOUNT,
        once=Once.TASK,
    ),
    ActionRow(
        "park",
        Turn.NONE,
        (
            *(On(pane, "in rescue", "between accounts, none of which has budget") for pane in CUT_OFF),
            On(PaneState.RATE_LIMITED, "always", "at a usage limit"),
            On(PaneState.PROMPT, "put back", "no other account took it: it waits for the reset"),
        ),
    ),
)
"""If no other account has budget."""

SPENDING = ActionRow(
    "spending",
    Turn.NONE,
    (
        On(PaneState.RUNNING, "on credits", _SPENDS),
        On(PaneState.PROMPT, "on credits", f"{_SPENDS}; it is left at its prompt"),
    ),
    ActionKind.DECISION,
    calls=_OTHER_ACCOUNT,
    once=Once.TASK,
)
