"""Delivers a text to an agent with proof: checked, pasted under a guard, read back, submitted, confirmed.

One sender at a time types into a pane. A shell, a running turn, a dialog and an unsent draft are refused. Nothing is
pressed unless the cursor is where the last look found it: any other key, or a dialog, moves it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from fleetscripts.adapters.tmux.keyboard import paste
from fleetscripts.agents.kinds import kind_named
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.records.message import as_message
from fleetscripts.errors import FleetError, Refusal, UsageProblem
from fleetscripts.models import Frame, PaneState
from fleetscripts.services.observe.observe import transcript_of
from fleetscripts.services.typing import input_box as drafts
from fleetscripts.services.typing.caps import refuse_beyond_caps
from fleetscripts.services.typing.outbox import CONFIRMED, INTENDED, UNSENT, Outbox, SentMessage
from fleetscripts.services.typing.own_text import is_own
from fleetscripts.services.typing.pane_io import PaneIO
from fleetscripts.services.typing.receipt import ConversationMark, Receipt, in_transcript
from fleetscripts.services.typing.submit import Submission

TRIES = 8
"""A footer or notice that appears or disappears moves the box, and with it the cursor: then we look again."""

TAKES_TEXT = frozenset({PaneState.PROMPT, PaneState.COMPLETE, PaneState.API_ERROR})

_WHY_NOT = {
    PaneState.MISSING: "no such pane",
    PaneState.IDLE: "the client has ended and a shell would read the text",
    PaneState.RUNNING: "a turn is in progress",
    PaneState.STARTING: "the client is still starting",
    PaneState.WAITING_APPROVAL: "a dialog is open in place of the input box",
    PaneState.RATE_LIMITED: "the agent is at its usage limit",
    PaneState.UNKNOWN: "its state is unclear",
}


def deliver(
    pane_io: PaneIO,
    pane_id: str,
    text: str,
    *,
    queue: bool = False,
    keep_draft: bool = False,
    after_wall: bool = False,
    why: str = "",
    known_obstacle: str = "",
) -> Receipt:
    """Send a text and return the proof that it was submitted; Refusal if it must not be typed now.

    ``queue``: also during a turn. ``keep_draft``: take an unsent draft out of the box and put it back. ``after_wall``:
    also at a usage limit that has reset. ``known_obstacle``: the refusal that the journal has already."""
    message = as_message(text)
    if not message:
        raise UsageProblem("expected a text to send, found nothing that can be typed")
    with pane_io.turn(pane_id):
        return _Delivery(pane_io, pane_id, message, queue, keep_draft, why, after_wall, known_obstacle).run()


@dataclass
class _Delivery:
    """One text to one pane, while its lock is held."""

    pane_io: PaneIO
    pane_id: str
    message: str
    queue: bool
    keep_draft: bool
    why: str
    after_wall: bool = False
    known_obstacle: str = ""
    draft: str = ""
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.pane_io.settings.fleet_home, self.pane_io.server, self.pane_id)

    def run(self) -> Receipt:
        observation = self._look()
        refuse_beyond_caps(self.pane_io, observation)
        found = self._sent_before(observation)
        if found is not None:
            return found
        try:
            receipt = self._send(observation)
        except BaseException:
            if self.draft:
                self._restore(observation)
            raise
        return replace(receipt, note=self._restore(observation)) if self.draft else receipt

    def _send(self, observation: Observation) -> Receipt:
        for _ in range(TRIES):
            frame = self._empty_box(observation)
            sent = self._intend(observation)
            if paste(self.pane_io.tmux, self.pane_io.guard(frame, kind_named(observation.kind)), self.message):
                self.pane_io.journal.write("send-pasted", pane_id=self.pane_id, message_id=sent.message_id)
                return Submission(self.pane_io, observation, self.message, sent, self.outbox, self.why).run()
            self._settle(sent, observation, UNSENT, "the pane changed before the text was pasted")
            observation = self._look()
        raise Refusal(f"{observation.frame.facts.window}: its screen keeps changing; nothing was typed")

    def _look(self) -> Observation:
        observation = self.pane_io.look(self.pane_id)
        if observation is None:
            raise Refusal(f"{self.pane_id}: {_WHY_NOT[PaneState.MISSING]}")
        if observation.frame.facts.in_mode and self.pane_io.tmux.leave_unwatched_mode(observation.frame.facts):
            observation = self.pane_io.look(self.pane_id) or observation
        facts, state = observation.frame.facts, observation.classification.state
        reason = _WHY_NOT.get(state, f"its state is {state}")
        queues = state is PaneState.RUNNING and self.queue and bool(kind_named(observation.kind).queue_key)
        walled = state is PaneState.RATE_LIMITED and self.after_wall and observation.classification.dialog is None
        if state in TAKES_TEXT or queues or walled:
            reason = _held_back(observation)
        elif observation.classification.dialog is not None:
            reason = f"a {observation.classification.dialog} dialog is open in place of the input box"
        if reason:
            said = f"{facts.window}: {reason} ({observation.classification.reason}); nothing was typed"
            if said != self.known_obstacle:
                self.pane_io.journal.write("send-refused", window=facts.window, pane_id=self.pane_id, why=reason)
            raise Refusal(said)
        return observation

    def _empty_box(self, observation: Observation) -> Frame:
        """The screen with an empty box; our own remains are cleared, a draft is taken out or refused."""
        frame = self.pane_io.screen(self.pane_id)
        typed = drafts.typed_in(frame, kind_named(observation.kind))
        if typed == "":
            return frame
        window = frame.facts.window
        if typed is None:
            raise Refusal(f"{window}: something took the place of its input box; nothing was typed")
        if is_own(self.outbox, observation, typed):
            cleared = drafts.clear(self.pane_io, kind_named(observation.kind), self.pane_id)
            self.outbox.note_cleared()
            return cleared
        if not self.keep_draft:
            shown = " ".join(typed.split())[:60]
            raise Refusal(f"{window}: its input box holds an unsent draft ({shown!r}); nothing was typed")
        taken = drafts.taken_out(self.pane_io, kind_named(observation.kind), self.pane_id, frame)
        self.draft = f"{self.draft}{taken}"
        return self.pane_io.screen(self.pane_id)

    def _sent_before(self, observation: Observation) -> Receipt | None:
        """The receipt of this very text if an earlier call sent it without learning that it arrived."""
        last = self.outbox.last()
        if last is None or last.outcome != INTENDED or last.text != self.message:
            return None
        mark = ConversationMark(Path(last.transcript) if last.transcript else None, last.offset)
        if not in_transcript(kind_named(observation.kind), transcript_of(observation), mark, self.message):
            return None
        self._settle(last, observation, CONFIRMED, "an earlier call had sent it")
        window = observation.frame.facts.window
        return Receipt(last.message_id, window, self.pane_id, "transcript", last.at, "an earlier call had sent it")

    def _intend(self, observation: Observation) -> SentMessage:
        mark = ConversationMark.at_end_of(transcript_of(observation))
        sent = self.outbox.intend(self.message, time.time(), str(mark.path or ""), mark.offset)
        facts = observation.frame.facts
        self.pane_io.journal.write(
            "send-intended",
            window=facts.window,
            pane_id=self.pane_id,
            why=self.why,
            message_id=sent.message_id,
            text=self.message,
            evidence=observation.classification.reason,
        )
        return sent

    def _settle(self, sent: SentMessage, observation: Observation, outcome: str, why: str) -> None:
        self.outbox.settle(sent, outcome)
        event = "send-confirmed" if outcome == CONFIRMED else "send-failed"
        window = observation.frame.facts.window
        self.pane_io.journal.write(event, window=window, pane_id=self.pane_id, why=why, message_id=sent.message_id)

    def _restore(self, observation: Observation) -> str:
        """Put the draft back; returns a note for the sender if that failed."""
        kept = f"it is kept in {self.pane_io.journal.path} (draft-saved)"
        try:
            back = drafts.put_back(self.pane_io, kind_named(observation.kind), self.pane_id, self.draft)
        except FleetError as error:
            return f"the draft could not be put back ({error}); {kept}"
        return "" if back else f"the draft could not be put back; {kept}"


def _held_back(observation: Observation) -> str:
    """Why tmux or the screen cannot take a text although the client could; empty if they can."""
    facts = observation.frame.facts
    if facts.command not in kind_named(observation.kind).commands:
        return f"expected the client in the foreground, found {facts.command!r}"
    if facts.in_mode:
        return "the pane is in copy mode"
    if facts.input_off or facts.synchronized:
        return "its input is switched off" if facts.input_off else "its keys go to other panes too"
    return ""
