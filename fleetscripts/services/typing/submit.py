"""Submits a pasted text: reads it back, presses Enter, waits for the receipt."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn

from fleetscripts.adapters.tmux.keyboard import press
from fleetscripts.agents.kinds import AgentKind, kind_named
from fleetscripts.core.planning.classify import is_shell
from fleetscripts.core.planning.observation import Observation
from fleetscripts.core.records.message import stands_in, stands_queued, without_ours
from fleetscripts.core.screen.screen import Screen
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.models import Frame, PaneState
from fleetscripts.services.observe.observe import transcript_of
from fleetscripts.services.typing import input_box as drafts
from fleetscripts.services.typing.outbox import CONFIRMED, INTENDED, UNSENT, Outbox, SentMessage
from fleetscripts.services.typing.pane_io import PAUSE_SECONDS, PaneIO, excerpt
from fleetscripts.services.typing.receipt import ConversationMark, Receipt, in_hooks, in_transcript

SHOWN_SECONDS = 8.0
"""From the paste to its appearance in the box: some ms, seconds on a loaded machine."""

UNREAD_SECONDS = 30.0
"""The same while the box stays empty: with sixteen programs per core a client read a paste after more than 8 s."""

ENTER_TRIES = 10
SECOND_ENTER_SECONDS = 1.5
"""A client that is still reading the paste takes Enter as part of it: the text then stays in the box, and one more
Enter is needed."""

RECEIPT_SECONDS = 45.0
"""The transcript is written asynchronously, usually within 0.1 s; with eight programs per core it took up to 20 s."""

HOOK_SECONDS = 1.5
LOOK_AGAIN_SECONDS = 0.4


class ClientLeft(Exception):
    """The client is no longer in the pane's foreground."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame.facts.window)
        self.frame = frame


@dataclass
class Submission:
    """One pasted text. Pressed keys are recorded, so that an error can say whether the text may have been sent."""

    pane_io: PaneIO
    observation: Observation
    message: str
    sent: SentMessage
    outbox: Outbox
    why: str
    enters: int = 0
    left: str = ""
    """What is left in the box and could not be removed."""
    shown_seconds: ClassVar[float] = SHOWN_SECONDS
    unread_seconds: ClassVar[float] = UNREAD_SECONDS
    patience_seconds: ClassVar[float] = RECEIPT_SECONDS

    def run(self) -> Receipt:
        try:
            self._press_enter(self._shown())
            return self._receipt()
        except ClientLeft as ended:
            if not self.enters:
                self._fail(ended.frame, "the client ended before it took the text", UNSENT)
            if self._taken_after_all():
                return self._confirmed("transcript")
            self._fail(ended.frame, "the client ended after Enter, and nothing proves that it took the text", INTENDED)

    @property
    def pane_id(self) -> str:
        return self.observation.frame.facts.pane_id

    @property
    def _kind(self) -> AgentKind:
        return kind_named(self.observation.kind)

    @property
    def _turn_in_progress(self) -> bool:
        return self.observation.classification.state is PaneState.RUNNING

    def _shown(self) -> Frame:
        """The screen on which exactly the text is in the box."""
        began = time.monotonic()
        while True:
            frame = self._screen()
            typed = drafts.typed_in(frame, self._kind)
            if typed is not None and stands_in(typed, self.message, self._kind.folded):
                return frame
            if typed and self._mixed(typed):
                self._take_back(frame, typed)
            if time.monotonic() - began >= (self.unread_seconds if typed == "" else self.shown_seconds):
                place = "a dialog took the place of the input box" if typed is None else "it is not in the box"
                place = f"{place}; {self._taken_out(frame, typed)}" if typed else place
                self._fail(frame, f"the text was pasted, but {place}; it was not submitted", UNSENT)
            time.sleep(PAUSE_SECONDS)

    def _mixed(self, typed: str) -> bool:
        """Whether there are foreign characters beside all of our text."""
        return bool(without_ours(typed, self.message, self._kind.folded))

    def _press_enter(self, frame: Frame) -> None:
        """One Enter (or the queue key), only while the cursor is still at the text's end."""
        key = self._kind.queue_key if self._turn_in_progress else "Enter"
        for _ in range(ENTER_TRIES):
            if self._pressed(frame, key):
                return
            frame = self._shown()
        self._fail(frame, "the text is in the input box, but the screen keeps changing; not submitted", UNSENT)

    def _pressed(self, frame: Frame, key: str) -> bool:
        """Whether the pane had not changed since this frame, so that the key was pressed."""
        if not press(self.pane_io.tmux, self.pane_io.guard(frame, self._kind), key):
            return False
        self.enters += 1
        self.pane_io.journal.write("send-entered", pane_id=self.pane_id, message_id=self.sent.message_id)
        return True

    def _receipt(self) -> Receipt:
        began = again_at = time.monotonic()
        while True:
            proof = self._proof(time.monotonic() - began)
            if proof:
                return self._confirmed(proof)
            frame = self._screen()
            waited = time.monotonic() - began
            typed = drafts.typed_in(frame, self._kind)
            standing = typed is not None and stands_in(typed, self.message, self._kind.folded)
            if standing and self.enters == 1 and waited >= SECOND_ENTER_SECONDS:
                self._pressed(frame, "Enter")
            elif waited >= self.patience_seconds:
                if self._taken_after_all():
                    return self._confirmed("transcript")
                where = "is still in" if standing else "left"
                self._fail(
                    frame, f"the text {where} the input box after Enter; nothing proves that it was taken", INTENDED
                )
            if time.monotonic() - again_at >= LOOK_AGAIN_SECONDS:
                self._look_again()
                again_at = time.monotonic()
            time.sleep(PAUSE_SECONDS)

    def _proof(self, waited: float) -> str:
        """The proof so far, empty for none."""
        if self.enters and self._in_transcript():
            return "transcript"
        frame = self._screen()
        if drafts.typed_in(frame, self._kind) != "":
            return ""
        if self.enters and stands_queued(Screen.of(frame.lines).texts, self.message, self._kind.queued_row):
            return "screen"
        if waited < HOOK_SECONDS:
            return ""
        if in_hooks(self.pane_io.settings.fleet_home, self.observation.session_id, self.sent.at, self.message):
            return "hook"
        return "screen" if self.observation.transcript is None and self._turn_in_progress else ""

    def _in_transcript(self) -> bool:
        path = Path(self.sent.transcript) if self.sent.transcript else None
        return in_transcript(
            self._kind,
            transcript_of(self.observation),
            ConversationMark(path, self.sent.offset),
            self.message,
        )

    def _taken_after_all(self) -> bool:
        """Ask the transcript a last time, also that of a conversation begun meanwhile."""
        self._look_again()
        return self._in_transcript()

    def _look_again(self) -> None:
        """A first message creates the transcript; ``/clear`` or a fork creates another."""
        self.observation = self.pane_io.look(self.pane_id) or self.observation

    def _screen(self) -> Frame:
        """The screen, while the client is alive; one that took the text before it died has taken it."""
        frame = self.pane_io.tmux.read(self.pane_id, styled=True)
        facts = frame.facts if frame is not None else None
        if frame is None or facts is None or facts.dead or is_shell(facts.command):
            raise ClientLeft(frame or self.observation.frame)
        return frame

    def _taken_out(self, frame: Frame, typed: str) -> str:
        """Text in a box that was empty and got only our paste is ours, in whatever form."""
        self.pane_io.journal.write("draft-saved", window=frame.facts.window, pane_id=self.pane_id, draft=typed)
        try:
            drafts.clear(self.pane_io, self._kind, self.pane_id)
        except FleetError as error:
            self.left = typed
            return f"what is there instead could not be removed ({error})"
        return "the other text was removed"

    def _take_back(self, frame: Frame, typed: str) -> NoReturn:
        """Another person began to type: remove our text, and leave theirs."""
        theirs = without_ours(typed, self.message, self._kind.folded) or ""
        self.pane_io.journal.write("draft-saved", window=frame.facts.window, pane_id=self.pane_id, draft=theirs)
        drafts.clear(self.pane_io, self._kind, self.pane_id)
        back = drafts.put_back(self.pane_io, self._kind, self.pane_id, theirs)
        self.outbox.settle(self.sent, UNSENT)
        kept = (
            "what they typed is back in the box" if back else f"what they typed is kept in {self.pane_io.journal.path}"
        )
        reason = f"somebody began to type as the text was pasted; it was removed again, {kept}"
        self._journal("send-refused", reason)
        raise Refusal(f"{frame.facts.window}: {reason}")

    def _confirmed(self, proof: str) -> Receipt:
        self.outbox.settle(self.sent, CONFIRMED)
        self._journal("send-confirmed", proof)
        return Receipt(self.sent.message_id, self.observation.frame.facts.window, self.pane_id, proof, time.time())

    def _fail(self, frame: Frame, what: str, outcome: str) -> NoReturn:
        self.outbox.settle(self.sent, outcome, self.left)
        self._journal("send-failed", what)
        raise FleetError(f"{frame.facts.window}: {what}; on the screen: {excerpt(frame)}")

    def _journal(self, event: str, why: str) -> None:
        window = self.observation.frame.facts.window
        journal = self.pane_io.journal
        journal.write(event, window=window, pane_id=self.pane_id, why=why, message_id=self.sent.message_id)
