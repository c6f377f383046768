"""What every kind of agent has to offer, and the register of kinds."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Protocol

from fleetscripts.core.gates.completion import Checkpoint, Message
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.models import Client, Evidence

KINDS: Mapping[str, str] = {
    "claude": "fleetscripts.agents.claude",
    "codex": "fleetscripts.agents.codex",
    "practice": "fleetscripts.agents.practice",
}
"""Name of a kind → the module that holds it as ``KIND``. A new kind is a row here, a module and a rules file."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What a client is started with. ``settings``: text for the client's inline settings, empty for none."""

    executable: str
    session_id: str = ""
    permission_mode: str = ""
    name: str = ""
    settings: str = ""
    as_root: bool = False
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command as argv, with the changes its environment needs; nothing here is shell syntax."""

    argv: tuple[str, ...]
    env_set: Mapping[str, str] = field(default_factory=dict)
    env_unset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Where the clients keep their files unless their own environment says otherwise, and where we keep ours."""

    claude_config_dir: Path
    codex_home: Path
    fleet_home: Path


@dataclass(frozen=True, slots=True)
class SessionView:
    """What a client's own files say of its session: evidence, checkpoints of all of it, the last turn's messages."""

    evidence: tuple[Evidence, ...] = ()
    session_id: str | None = None
    transcript: Path | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    messages: tuple[Message, ...] = ()
    version: str | None = None
    github_limited_at: float = 0.0
    """When a tool of the session last printed that GitHub's secondary rate limit was hit; Unix seconds, 0: never."""
    wakes_at: float = 0.0
    """When it goes on by itself, as the agent has arranged; 0: not at all."""


@dataclass(frozen=True, slots=True)
class EndingKey:
    """One key on the way to a client's end, by tmux's name. ``shows``: what its pane must show for it."""

    shows: str
    key: str


class AgentKind(Protocol):
    """One kind of agent: how it is launched and resumed, how its process is known, what its files say."""

    @property
    def name(self) -> str:
        """As in the state file and in the name of the rules file."""
        ...

    @property
    def commands(self) -> frozenset[str]:
        """What ``pane_current_command`` may show while the client is in the foreground."""
        ...

    @property
    def takes_session_id(self) -> bool:
        """Whether a new conversation can be given its id; otherwise the client chooses one with its first turn."""
        ...

    @property
    def queue_key(self) -> str:
        """tmux's name of the key that submits a text while a turn is in progress, to be read after it."""
        ...

    @property
    def ending(self) -> tuple[EndingKey, ...]:
        """The keys that end it, each pressed as often as the pane shows its occasion; the first that fits is next."""
        ...

    def is_client(self, command: str, argv: Sequence[str]) -> bool:
        """Whether a process of this name and argv is the client itself, not something it started."""
        ...

    def launch(self, launch: Launch) -> CommandLine:
        """A new conversation."""
        ...

    def resume(self, launch: Launch) -> CommandLine:
        """The conversation of ``launch.session_id`` again."""
        ...

    def needs(self, places: Places) -> tuple[str, ...]:
        """Names of variables that the user's own configuration of the client reads, beside those known to us."""
        ...

    def typed_text(self, record: Mapping[str, Any]) -> str | None:
        """The text that one record of its transcript says the user sent; None for all others."""
        ...

    def look(self, client: Client, places: Places, now: float, session_id: str | None = None) -> SessionView:
        """Read what the client's own files say. ``session_id``: the one last known, where the client tells none."""
        ...


def kind_named(name: str) -> AgentKind:
    """The agent kind of that name; UsageProblem when there is none."""
    module = KINDS.get(name)
    if module is None:
        raise UsageProblem(f"expected an agent kind ({', '.join(KINDS)}), found {name!r}")
    kind: AgentKind = importlib.import_module(module).KIND
    return kind


def known_kinds() -> tuple[AgentKind, ...]:
    """Every kind whose module is here, in the order of the register."""
    return tuple(kind_named(name) for name in KINDS)
