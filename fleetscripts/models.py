"""The data types shared by all layers. Frozen; times are Unix seconds unless the name says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from fleetscripts.dataclass import dataclass


class PaneState(StrEnum):
    """What a pane is doing, by ``classify-pane``."""

    STARTING = "starting"
    RUNNING = "running"
    PROMPT = "prompt"
    WAITING_APPROVAL = "waiting_approval"
    RATE_LIMITED = "rate_limited"
    API_ERROR = "api_error"
    COMPLETE = "complete"
    IDLE = "idle"
    MISSING = "missing"
    UNKNOWN = "unknown"


class AgentState(StrEnum):
    """An agent's state in the state file."""

    RUNNING = "running"
    IDLE = "idle"
    STUCK = "stuck"
    WAITING_APPROVAL = "waiting_approval"
    RATE_LIMITED = "rate_limited"
    COMPLETE = "complete"
    PENDING_EVALUATION = "pending_evaluation"
    DONE = "done"
    ESCALATED = "escalated"
    RECYCLED = "recycled"


class DialogKind(StrEnum):
    """Which dialog, question, menu, picker or full-screen view replaces the input box."""

    TRUST = "trust"
    BYPASS = "bypass"
    SETTINGS = "settings"
    API_KEY = "api_key"
    MCP = "mcp"
    LOGIN = "login"
    PERMISSION = "permission"
    PLAN = "plan"
    QUESTION = "question"
    LIMIT = "limit"
    RESUME = "resume"
    EXIT = "exit"
    PICKER = "picker"
    MODEL = "model"
    NEW_MODEL = "new_model"
    UNCHECKED = "unchecked"
    MENU = "menu"
    VIEW = "view"
    OTHER = "other"


ANSWERED_ALONE = frozenset(
    {
        DialogKind.TRUST,
        DialogKind.BYPASS,
        DialogKind.SETTINGS,
        DialogKind.LIMIT,
        DialogKind.RESUME,
        DialogKind.EXIT,
        DialogKind.NEW_MODEL,
    }
)
"""Dialogs answered without asking anybody."""

AT_START = ANSWERED_ALONE - {DialogKind.LIMIT, DialogKind.EXIT}
"""Dialogs shown only before the first turn."""


class ErrorKind(StrEnum):
    """Why a turn failed."""

    AUTH = "auth"
    BILLING = "billing"
    OVERLOADED = "overloaded"
    SERVER = "server"
    CONTEXT = "context"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ServerId:
    """The tmux server that pane and window ids belong to; after a restart ``%0`` is another pane."""

    socket: str
    pid: int
    start_time: int


@dataclass(frozen=True, slots=True)
class Repository:
    """A worktree's repository: real paths of its own git folder and of the common one; its push remote, and the URLs
    (as rewritten by git) of that one and of the one for pull requests. Empty: it had none."""

    git_dir: str
    common_dir: str
    remote: str = ""
    url: str = ""
    base_url: str = ""

    @property
    def main_folder(self) -> str:
        """The main worktree's folder; for a bare repository its git folder."""
        folder, _, name = self.common_dir.rpartition("/")
        return folder if name == ".git" else self.common_dir


@dataclass(frozen=True, slots=True)
class PaneFacts:
    """tmux's facts on one pane. Names and titles are hostile text."""

    pane_id: str
    window_id: str = ""
    session: str = ""
    window_index: int = 0
    window_name: str = ""
    command: str = ""
    title: str = ""
    path: str = ""
    pid: int = 0
    dead: bool = False
    in_mode: bool = False
    input_off: bool = False
    synchronized: bool = False
    alternate: bool = False
    cursor_x: int = 0
    cursor_y: int = 0
    cursor_visible: bool = True
    width: int = 0
    height: int = 0
    activity: int = 0
    session_id: str = ""
    """tmux's own (``$3``), which survives renames; not a conversation's."""

    @property
    def session_number(self) -> int:
        """Sessions in order of creation."""
        return int(self.session_id[1:]) if self.session_id[1:].isdigit() else 0

    @property
    def window(self) -> str:
        """``SESSION:WIN``, for people; code uses the ids."""
        return f"{self.session}:{self.window_index}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One look at one pane: facts and the lines on its screen (with SGR colours if ``styled``)."""

    facts: PaneFacts
    lines: tuple[str, ...]
    at: float
    styled: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """A pane's live client process. ``start_ticks``: the kernel's own start time, as text, for comparing.
    ``environment``: only the variables for the client's folders, from the process itself."""

    pid: int
    started_at: float
    start_ticks: str = ""
    cwd: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemoryScope:
    """A memory limit shared by a window's processes. ``kills``: how many of them the kernel has killed."""

    name: str
    limit_bytes: int
    kills: int = 0


@dataclass(frozen=True, slots=True)
class ClientEnd:
    """How a window's client ended. ``logged``: the kernel's log says that it was killed for memory."""

    status: int
    logged: bool = False


class Source(StrEnum):
    """The source of a piece of evidence, best first (see ``core.classify`` for precedence)."""

    TMUX = "tmux"
    PROCESS = "process"
    REGISTRY = "registry"
    TRANSCRIPT = "transcript"
    HOOK = "hook"
    TITLE = "title"
    SCREEN = "screen"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One source's evidence on one pane at one time. ``state`` None: none about the state."""

    source: Source
    state: PaneState | None
    reason: str
    at: float | None = None
    dialog: DialogKind | None = None
    error: ErrorKind | None = None
    resets_at: float | None = None
    draft: str | None = None
    background: bool = False
    rule: str | None = None
    nearest: str | None = None
    session_id: str | None = None
    limit: str = ""
    """The usage window whose limit was reached, in the client's words; empty if not named."""
    model: str = ""
    """The conversation's last model."""
    spends: bool = False
    """The client says that it continues beyond its subscription, on credits."""


@dataclass(frozen=True, slots=True)
class Classification:
    """A pane's state, and the evidence that decided."""

    state: PaneState
    reason: str
    pane_cmd: str = ""
    dialog: DialogKind | None = None
    error: ErrorKind | None = None
    resets_at: float | None = None
    draft: str | None = None
    background: bool = False
    source: Source | None = None
    evidence: tuple[Evidence, ...] = ()


class ActionKind(StrEnum):
    """Recoveries execute, decisions escalate."""

    RECOVERY = "recovery"
    DECISION = "decision"


@dataclass(frozen=True, slots=True)
class Action:
    """A cycle's proposal for one agent."""

    window: str
    pane_id: str
    action: str
    kind: ActionKind
    reason: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorktreeFacts:
    """git's facts on one worktree. Texts are reasons given to git; None if not applicable."""

    path: str
    branch: str | None = None
    head: str = ""
    bare: bool = False
    locked: str | None = None
    prunable: str | None = None

    @property
    def name(self) -> str:
        """The folder's own name, which is the worktree's name for people."""
        return self.path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class WorktreeContents:
    """What a checkout would destroy in a worktree. ``changes`` counts paths, including untracked but not ignored
    ones."""

    changes: int
    first_change: str = ""
    operation: str | None = None
    """An unfinished merge, rebase, …"""
    own_commits: int = 0
    """Commits that no other ref holds."""
