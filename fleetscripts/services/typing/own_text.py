"""Whether the unsent text in an input box is ours: an interrupted turn restores its prompt there."""

from __future__ import annotations

from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.records.message import is_placeholder, joined_from, same_message, stands_in
from fleetscripts.services.observe.observe import transcript_of
from fleetscripts.services.typing.outbox import CONFIRMED, Outbox
from fleetscripts.services.typing.receipt import last_submitted


def is_own(outbox: Outbox, observation: Observation, typed: str) -> bool:
    """Whether it is a text that was sent, or was to be sent; not a person's draft."""
    last, kind = outbox.last(), kind_named(observation.kind)
    earlier = last_submitted(kind, transcript_of(observation))
    if last is not None and last.left and last.left.split() == typed.split():
        return True
    known = [text for text in (earlier, last.text if last is not None else None) if text]
    if not is_placeholder(typed, kind.folded):
        ours = (*last.earlier, last.text) if last is not None else ()
        return any(same_message(typed, text) for text in known) or joined_from(typed, ours)
    unsettled = last is not None and last.outcome != CONFIRMED
    put_back = last is not None and earlier is not None and same_message(earlier, last.text)
    return last is not None and (unsettled or put_back) and stands_in(typed, last.text, kind.folded)
