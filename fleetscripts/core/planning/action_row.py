"""The types of the action table's rows."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from fleetscripts.dataclass import dataclass
from fleetscripts.fleet import Agent
from fleetscripts.models import ActionKind, Classification, PaneState


class Lane(StrEnum):
    """Worker pools: an action never waits for one in another lane."""

    VERIFY = "verify"
    START = "start"
    RESCUE = "rescue"
    WORD = "word"


class Mark(StrEnum):
    """A symbol on the timeline."""

    RESCUE = "rescue"
    VERIFIED = "verified"
    MISSING = "missing"
    ASKED = "asked"
    TOLD = "told"
    JUDGED = "judged"
    RECYCLED = "recycled"


class Turn(StrEnum):
    """Whether the action only starts a turn of the agent: those are not proposed at a spending cap. Messages from
    others are refused there by whatever delivers them."""

    BEGINS = "begins"
    NONE = "none"


class Once(StrEnum):
    """How long a decision that was notified is not notified again, whatever the screen does meanwhile."""

    TASK = "task"
    HOLD = "hold"
    NO = ""


LEAVE = ""
"""In place of an action: do nothing."""

ESCALATE = "escalate"


@dataclass(frozen=True, slots=True)
class On:
    """One occasion. ``pane`` None: any pane state. ``when``: policy conditions joined by ``+``.

    ``reason`` may name fields of the agent. ``action``: another than the row's, or ``LEAVE``. ``fits``: a condition for
    this occasion alone, independent of time. ``since``: a time in the record, as ``seen.worked_at``; the occasion
    begins ``after`` it, in seconds or by the name of one of the ``Limits``, and never while it is 0."""

    pane: PaneState | None
    when: str
    reason: str = ""
    action: str | None = None
    fits: Callable[[Agent, Classification], bool] | None = None
    since: str = ""
    after: float | str = 0


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action. ``turn``: whether it starts one. ``performer``: ``module:function`` in ``services/actions``, empty if
    there is nothing to do. ``counter``: the count in ``Attempts`` of tries without progress. ``most_times``: the limit
    for one task, 0 for none; ``every_seconds``: the shortest interval. ``words``: for the history. ``marks``: timeline
    symbols by how the outcome begins; the first that fits. ``calls``: commands a person may run then, on ``{agent}``.
    ``undone``: a heartbeat's name for a recovery that failed. ``account``: it continues on another account, which the
    proposal names. ``noticed``: its performer sends the notification. ``once``: for how long it is notified only once.
    ``meanwhile``: performed periodically while this decision waits for a person."""

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
"""What an occasion leads to where nothing is done."""
