"""The last message to each pane, stored before it is sent, so that a crash does not send it twice."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.dataclass import dataclass
from fleetscripts.models import ServerId

INTENDED, CONFIRMED, UNSENT = "intended", "confirmed", "unsent"
MOST_EARLIER = 8


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One message. ``outcome``: intended (nothing more is known), confirmed, or unsent. ``transcript`` and ``offset``:
    the end of the conversation's file before it was sent, empty and 0 without one."""

    message_id: str
    text: str
    at: float
    outcome: str = INTENDED
    transcript: str = ""
    offset: int = 0
    left: str = ""
    """What was in the box for it, in the client's form, and could not be removed; empty: nothing."""
    earlier: Sequence[str] = ()
    """The texts before it, oldest first: queued ones may come back as one."""
    cleared: bool = False
    """Whether it was found in the box after it was sent, and taken out of it."""


class Outbox:
    """One pane's last message. Read and written only under the pane's lock."""

    def __init__(self, fleet_home: Path, server: ServerId, pane_id: str) -> None:
        name = f"{server.pid}-{server.start_time}-{pane_id.removeprefix('%')}.json"
        self.path = fleet_home / "outbox" / name

    def last(self) -> SentMessage | None:
        """The last message, None if there is none or it is unreadable."""
        try:
            return SentMessage(**read_json(self.path))
        except TypeError:
            return None

    def intend(self, text: str, at: float, transcript: str, offset: int) -> SentMessage:
        """Record a message before sending."""
        last = self.last()
        earlier = [*last.earlier, last.text][-MOST_EARLIER:] if last is not None else []
        sent = SentMessage(uuid.uuid4().hex[:12], text, at, INTENDED, transcript, offset, earlier=earlier)
        self._write(sent)
        return sent

    def settle(self, sent: SentMessage, outcome: str, left: str = "") -> None:
        """Record its outcome, and what it left in the box."""
        self._write(replace(sent, outcome=outcome, left=left))

    def note_cleared(self) -> None:
        """Record that what was in the box of the last message was taken out: what stands there later is not it."""
        last = self.last()
        if last is not None:
            self._write(replace(last, left="", cleared=True))

    def _write(self, sent: SentMessage) -> None:
        write_json(self.path, asdict(sent))
