"""What the table of actions says of each of them."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.models import ActionKind, Classification, PaneState


class Lane(StrEnum):
    """Which workers perform an action: none waits for one of another lane."""

    VERIFY = "verify"
    START = "start"
    RESCUE = "rescue"
    WORD = "word"


class Mark(StrEnum):
    """A sign of the timeline."""

    RESCUE = "rescue"
    VERIFIED = "verified"
    MISSING = "missing"
    ASKED = "asked"
    TOLD = "told"
    JUDGED = "judged"
    RECYCLED = "recycled"


class Turn(StrEnum):
    """Whether an action does nothing but begin a turn of the agent: such a one is not proposed at a cap on what is
    spent. A text that another one sends is refused there by whatever delivers it."""

    BEGINS = "begins"
    NONE = "none"


class Once(StrEnum):
    """How long a decision that was told of is not told of again, whatever the screen does meanwhile."""

    TASK = "task"
    HOLD = "hold"
    NO = ""


LEAVE = ""
"""In place of an action: nothing is to be done."""

ESCALATE = "escalate"


@dataclass(frozen=True, slots=True)
class On:
    """One occasion. ``pane`` None: whatever the pane shows. ``when``: conditions of the policy, joined by ``+``.

    ``reason`` may name fields of the agent. ``action``: another one than the row's, or ``LEAVE``. ``fits``: a condition
    of this occasion alone, in which no time stands. ``since``: a time in the record, as ``seen.commit_at``; the
    occasion begins ``after`` it, in seconds or by the name of one of the ``Limits``, and never while it is 0."""

    pane: PaneState | None
    when: str
    reason: str = ""
    action: str | None = None
    fits: Callable[[Agent, Classification], bool] | None = None
    since: str = ""
    after: float | str = 0


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action. ``turn``: whether it begins one. ``performer``: ``module:function`` in ``services/actions``, empty
    where there is nothing to do.

    ``counter``: the count of ``Attempts`` that says how often it was tried without progress. ``most_times``: performed
    no more often for one task, 0 without a bound; ``every_seconds``: performed again no sooner. ``words``: for the
    history. ``marks``: signs of the timeline by how the outcome begins, the first that fits. ``calls``: what a person
    may call then, on ``{agent}``. ``undone``: what a heartbeat calls a recovery that did not succeed. ``account``: it
    goes on with another account, which the proposal names. ``noticed``: whoever brings it about tells of it.
    ``once``: told of once for so long.
    ``meanwhile``: what is performed now and then while this decision waits for a person."""

    name: str
    turn: Turn
    when: tuple[On, ...] = ()
    kind: ActionKind = ActionKind.RECOVERY
    lane: Lane = Lane.WORD
    performer: str = ""
    counter: str = ""
    most_times: int = 0
    every_seconds: float = 0
    words: str = ""
    marks: tuple[tuple[str, Mark], ...] = ()
    calls: tuple[str, ...] = ()
    undone: str = ""
    account: bool = False
    noticed: bool = False
    once: Once = Once.NO
    meanwhile: str = ""


LEFT_ALONE = ActionRow(LEAVE, Turn.NONE)
"""What an occasion leads to at which nothing is done."""
