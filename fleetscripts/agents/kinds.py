"""The interface of an agent kind. Nothing has a default: a kind that lacks a fact or a method cannot be used."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetscripts.agents import KINDS
from fleetscripts.agents.kind_facts import AccountVariables, EndingKey, Home, ReadOnly, problem_in
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError, UsageProblem

if TYPE_CHECKING:
    from fleetscripts.agents.session_view import BackgroundSession, ConversationMessage, SessionView
    from fleetscripts.core.screen.screen import Finds, Layout, Screen
    from fleetscripts.core.spending.tokens import Tokens
    from fleetscripts.models import Client


@dataclass(frozen=True, slots=True)
class Launch:
    """A client's launch parameters. ``settings``: text for the client's inline settings, empty for none."""

    executable: str
    session_id: str = ""
    permission_mode: str = ""
    name: str = ""
    settings: str = ""
    as_root: bool = False
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command as argv, with the changes to its environment; nothing here is shell syntax."""

    argv: tuple[str, ...]
    env_set: Mapping[str, str] = field(default_factory=dict)
    env_unset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InlineSettings:
    """What we need in a client's own settings. Commands are shell lines, empty for none.

    ``permission_command`` answers its permission requests. ``config_dir``: the folder with the user's own settings.
    ``executable``: the client's program, since releases differ; empty if it does not matter."""

    config_dir: Path
    hook_command: str = ""
    permission_command: str = ""
    statusline: str = ""
    skip_bypass_warning: bool = False
    executable: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A client's arguments as far as they matter when the account changes. ``session_id`` empty with ``resumes``: the
    newest conversation of this folder, or the user is asked."""

    resumes: bool = False
    continues: bool = False
    session_id: str = ""
    prompt: str = ""
    permission_mode: str = ""
    prints: bool = False
    has_settings: bool = False
    forks: bool = False
    model: str = ""
    others: tuple[str, ...] = ()
    """Options that another client would not understand."""


@dataclass(frozen=True, slots=True)
class Places:
    """A kind's folders unless a client's environment overrides them, and ours for it."""

    home: Path
    fleet_home: Path


@dataclass(frozen=True, slots=True)
class AgentKind(ABC):
    """One agent kind: how it is launched, resumed and recognised, and how its screen and files are read.

    Methods import what they need when called, so that the facts alone cost nothing."""

    name: str
    """As in the state file."""
    title: str
    """Its display name."""
    commands: frozenset[str]
    """Values of ``pane_current_command`` while the client is in the foreground."""
    launch_words: frozenset[str]
    """Names of its program at a shell: in the foreground they identify this client."""
    rules: str
    """The file under ``rules/`` for its screens, without ``.toml``."""
    takes_session_id: bool
    """Whether a new conversation can be given its id; otherwise the client chooses one with its first turn."""
    session_id: str
    """A pattern for the whole id of a conversation, which is also a part of file names."""
    hands_over: bool
    """Whether a conversation's work may be handed over to and from other kinds that also allow it."""
    queue_key: str
    """tmux's name of the key that queues a text during a turn; empty: there is none."""
    queued_row: str
    """A pattern with the group ``text`` for a row that shows the beginning of a queued text; empty: it shows none."""
    folded: str
    """A pattern for what its input box shows in place of a long paste; empty: it shows every text as it is. The group
    ``lines``, where it says so, is how many lines follow the first, empty for none."""
    ending: tuple[EndingKey, ...]
    """The keys that end it, each pressed as often as the pane shows its state; the first that fits is next. Empty: only
    a signal ends it."""
    resume_hint: str
    """A pattern with the group ``session`` for its resume hint at exit; or empty."""
    home: Home
    accounts: AccountVariables
    passed_on: tuple[str, ...]
    """Variables of our own environment that it gets."""
    outer_session: tuple[str, ...]
    """Marks in the environment of its children; a client that inherits them is no session of its own."""
    session_mark: str
    """The one of these that means: children end with the session. Empty if there is none."""
    program_folders: tuple[str, ...]
    """Folders below the user's home where its installer puts it, if it is not on PATH."""
    install: str
    """Its install command; empty if it needs none."""
    read_only: ReadOnly
    runs_code: tuple[str, ...]
    """Names in a worktree from which it runs programs once the folder is trusted."""
    steering: tuple[str, ...]
    """Patterns of files in a worktree that it reads as instructions, permissions or programs."""
    sub_worktrees: tuple[str, ...]
    """Folders in a worktree where it creates worktrees for its sub-agents: their work, and no instructions of its
    own."""

    @abstractmethod
    def is_client(self, command: str, argv: Sequence[str]) -> bool:
        """Whether a process of this name and argv is the client itself, not one of its children."""

    @abstractmethod
    def serves_all(self, argv: Sequence[str]) -> bool:
        """Whether such a process serves all sessions of a user."""

    @abstractmethod
    def held_in_background(self, pid: int) -> BackgroundSession | None:
        """The session of a process below such a service; None: it has none."""

    @abstractmethod
    def launch(self, launch: Launch) -> CommandLine:
        """A new conversation."""

    @abstractmethod
    def resume(self, launch: Launch) -> CommandLine:
        """The conversation of ``launch.session_id`` again."""

    @abstractmethod
    def read_words(self, words: Sequence[str]) -> Words:
        """Parse a user's own arguments. Read-only: the client gets them as they are."""

    @abstractmethod
    def inline_settings(self, wanted: InlineSettings) -> str:
        """Text for ``Launch.settings``; empty if the client takes none."""

    @abstractmethod
    def settings_words(self, text: str) -> tuple[str, ...]:
        """The arguments that pass this text; none if it takes none."""

    @abstractmethod
    def needs(self, places: Places) -> tuple[str, ...]:
        """Names of variables that the user's own configuration of the client reads, besides ``passed_on``."""

    @abstractmethod
    def name_home(self, folder: Path, environment: dict[str, str]) -> None:
        """Change an environment so that a client started in it uses this folder of its own."""

    @abstractmethod
    def login_question(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """The arguments with which the client reports whether it is logged in; none if it cannot be asked."""

    @abstractmethod
    def is_logged_in(self, exit_code: int, output: str) -> bool | None:
        """The meaning of its answer; None: unknown."""

    @abstractmethod
    def login_line(self, folder: str) -> str:
        """The login command for a person; empty: there is none. ``folder``: the account's; empty for the user's own."""

    @abstractmethod
    def settings_files(self, home: Path, worktree: Path | None) -> tuple[Path, ...]:
        """Files with permissions that it reads for this worktree."""

    @abstractmethod
    def layout(self, screen: Screen, finds: Finds) -> Layout:
        """The regions of one of its screens."""

    @abstractmethod
    def looks_like(self, texts: Sequence[str]) -> bool:
        """Whether a screen has marks that only this client draws."""

    @abstractmethod
    def typed_text(self, record: Mapping[str, Any]) -> str | None:
        """The text that the user sent, by one record of its transcript; None for all others."""

    @abstractmethod
    def said(self, record: Mapping[str, Any]) -> ConversationMessage | None:
        """The message of a record; None for tool calls, errors, sub-agents and the client's own texts."""

    @abstractmethod
    def look(self, client: Client, places: Places, now: float, session_id: str | None = None) -> SessionView:
        """Read the client's own files. ``session_id``: the last known one, if the client does not name any."""

    @abstractmethod
    def conversation(self, home: Path, worktree: Path, session_id: str) -> Path | None:
        """The transcript of that conversation; of the worktree's newest if ``session_id`` is empty."""

    @abstractmethod
    def used(self, fleet_home: Path, transcript: Path) -> Mapping[str, Tokens]:
        """This conversation's usage so far, sub-agents included, by day (``2026-11-27``).

        A day's figures only grow, whatever is resumed, compacted or forked."""

    @abstractmethod
    def watched(self, environment: Mapping[str, str], cwd: str, places: Places, now: float) -> tuple[Path, ...]:
        """Folders in which files of a client that works in ``cwd`` appear or change; some may not exist yet.
        ``environment``: the client's own, as far as it is known."""


def kind_named(name: str) -> AgentKind:
    """The agent kind of that name; UsageProblem if there is none."""
    module = KINDS.get(name)
    if module is None:
        raise UsageProblem(f"expected an agent kind ({', '.join(KINDS)}), found {name!r}")
    return _kind_of(module)


@cache
def _kind_of(module: str) -> AgentKind:
    kind: AgentKind = importlib.import_module(module).KIND
    if problem := problem_in(kind):
        raise FleetError(f"{module}: {problem}")
    return kind


def inside_session(environ: Mapping[str, str]) -> AgentKind | None:
    """The kind whose session started us, so that our children end with it."""
    return next((kind for kind in known_kinds() if kind.session_mark and environ.get(kind.session_mark)), None)


def known_kinds() -> tuple[AgentKind, ...]:
    """Every kind, in the order of the register."""
    return tuple(kind_named(name) for name in KINDS)
