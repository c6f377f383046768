"""One look at one pane: what it showed, what that means, and what follows for its agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import PurePath

from fleetscripts.core.gates.completion import Checkpoint, Message
from fleetscripts.core.records.redact import redact, redact_lines
from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.core.screen.reading import Reading
from fleetscripts.core.screen.screen import Box, Screen
from fleetscripts.dataclass import dataclass
from fleetscripts.models import Classification, Client, ClientEnd, Frame, MemoryScope, PaneFacts, ServerId

EXCERPT_LINES = 30
"""Screen lines that a decision shows; more on request."""

LONGEST_WORDS = 200
"""For an agent's last message and the reason for its state: enough for a table row."""

PROTOCOL = ("CHECKPOINT:", "ORCHESTRATOR:")
NO_PANE = Frame(PaneFacts(""), (), 0.0)


@dataclass(frozen=True, slots=True)
class Work:
    """What a client has started and still runs. ``processes`` identifies the set."""

    processes: str = ""
    cpu_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Observation:
    """One pane looked at; without a frame no such pane.

    ``kind``: the name of the agent kind, empty for none; of an agent of the fleet it is known without a client too.
    ``client`` None: no client runs there. ``checkpoints`` are those of the whole session, ``messages`` the last
    turn's. ``transcript``: where its conversation is written. ``screen`` and ``reading``: the frame parsed, the
    first None where it is known from an earlier look what was read of it.
    ``scope``: the limit on memory of the window, if it has one. ``ended``: how the client ended that we started there.

    Known of the fleet's agents only: ``server``, ``output_hash`` (what the agent has put out) and ``commit``, empty
    where it could not be read."""

    classification: Classification
    frame: Frame = NO_PANE
    kind: str = ""
    client: Client | None = None
    session_id: str = ""
    transcript: PurePath | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    messages: tuple[Message, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    denied: str = ""
    """What the client's own check denied in the present turn or the last one; empty: nothing."""
    github_limited_at: float = 0
    wakes_at: float = 0
    """When it goes on by itself, as the agent has arranged; 0: not at all."""
    screen: Screen | None = None
    reading: Reading | None = None
    work: Work | None = None
    scope: MemoryScope | None = None
    ended: ClientEnd | None = None
    server: ServerId | None = None
    output_hash: str = ""
    commit: str = ""

    @property
    def exists(self) -> bool:
        """Whether there is such a pane."""
        return bool(self.frame.facts.pane_id)

    @property
    def facts(self) -> PaneFacts:
        """What tmux says of the pane."""
        return self.frame.facts

    @property
    def box(self) -> Box | None:
        """The live input box; None when something else stands in its place."""
        return self.reading.layout.box if self.reading is not None else None

    @property
    def cwd(self) -> str:
        """Where the client's process works; empty where no client was found."""
        return self.client.cwd if self.client is not None else ""

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple((self.screen or Screen.of(self.frame.lines)).texts)

    @property
    def excerpt(self) -> tuple[str, ...]:
        """The last lines on the screen, secrets masked, without what it says of remaining context."""
        lines = [line for line in redact_lines(self.texts) if line.strip(" ─\xa0")]
        return tuple(lines[-EXCERPT_LINES:])

    @property
    def said(self) -> str:
        """The agent's last message, on one line, secrets masked."""
        return last_words(redact(self.messages[-1].text)) if self.messages else ""


def last_words(text: str) -> str:
    """The last line of a message that says something, for a table; a protocol marker if there is no other."""
    lines = [line for part in text.splitlines() if (line := sanitize(part))]
    words = [line for line in lines if not line.startswith(PROTOCOL)] or lines
    return fit(words[-1], LONGEST_WORDS) if words else ""
