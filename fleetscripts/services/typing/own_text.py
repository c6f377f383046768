"""Whether the unsent text in an input box is ours: an interrupted turn restores its prompt there."""

from __future__ import annotations

from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.records.message import is_placeholder, joined_from, same_message, stands_in
from fleetscripts.models import PaneState
from fleetscripts.services.observe.observe import transcript_of
from fleetscripts.services.typing.outbox import CONFIRMED, Outbox, SentMessage
from fleetscripts.services.typing.receipt import last_submitted, last_unanswered


def is_own(outbox: Outbox, observation: Observation, typed: str) -> bool:
    """Whether it is a text that was sent, or was to be sent; not a person's draft.

    Of a collapsed paste only the number of lines is seen: it is ours where ours is due in the box, once."""
    last, kind = outbox.last(), kind_named(observation.kind)
    if last is not None and last.left and last.left.split() == typed.split():
        return True
    if is_placeholder(typed, kind.folded):
        return last is not None and _is_due(last, observation) and stands_in(typed, last.text, kind.folded)
    earlier = last_submitted(kind, transcript_of(observation))
    known = [text for text in (earlier, last.text if last is not None else None) if text]
    ours = (*last.earlier, last.text) if last is not None else ()
    return any(same_message(typed, text) for text in known) or joined_from(typed, ours)


def _is_due(last: SentMessage, observation: Observation) -> bool:
    """Whether a paste of ours was never taken, or was put back when its turn was interrupted before an answer."""
    if last.cleared:
        return False
    if last.outcome != CONFIRMED:
        return True
    unanswered = last_unanswered(kind_named(observation.kind), transcript_of(observation))
    at_rest = observation.classification.state is not PaneState.RUNNING
    return at_rest and unanswered is not None and same_message(unanswered, last.text)
