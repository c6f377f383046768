"""The nouns that travel between layers. Frozen; times are Unix seconds unless the name says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from fleetscripts.dataclass import dataclass


class PaneState(StrEnum):
    """What a pane is doing: the answer of ``classify-pane``."""

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
    """What the state file says of an agent."""

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
    """Which dialog, question, menu, picker or full-screen view stands before the input box."""

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
"""Dialogs that are answered without asking anybody."""

AT_START = ANSWERED_ALONE - {DialogKind.LIMIT, DialogKind.EXIT}
"""Dialogs that a client shows before the first turn, never after it."""


class ErrorKind(StrEnum):
    """Why a turn died."""

    AUTH = "auth"
    BILLING = "billing"
    OVERLOADED = "overloaded"
    SERVER = "server"
    CONTEXT = "context"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ServerId:
    """The one tmux server that pane and window ids belong to; after a restart ``%0`` is somebody else."""

    socket: str
    pid: int
    start_time: int


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository of a worktree: real paths of its own git folder and of the one shared by all worktrees; the
    remote its work is pushed to, and the URLs that git makes of that one and of the one pull requests are made to.
    Empty: it had none."""

    git_dir: str
    common_dir: str
    remote: str = ""
    url: str = ""
    base_url: str = ""

    @property
    def main_folder(self) -> str:
        """The main worktree's folder; of a bare repository its git folder."""
        folder, _, name = self.common_dir.rpartition("/")
        return folder if name == ".git" else self.common_dir


@dataclass(frozen=True, slots=True)
class PaneFacts:
    """What tmux says of one pane. Names and titles are hostile text."""

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
    history_size: int = 0
    session_id: str = ""
    """tmux's own (``$3``), which a session keeps through every new name; not a conversation's."""

    @property
    def session_number(self) -> int:
        """Sessions in the order in which they were made."""
        return int(self.session_id[1:]) if self.session_id[1:].isdigit() else 0

    @property
    def window(self) -> str:
        """``SESSION:WIN``, for people; the ids are for us."""
        return f"{self.session}:{self.window_index}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One look at one pane: facts and the lines on its screen (with SGR colours when ``styled``)."""

    facts: PaneFacts
    lines: tuple[str, ...]
    at: float
    styled: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """The live client process of a pane. ``start_ticks``: the kernel's own start time, as text, for comparing.

    ``environment`` holds only the names that say where the client keeps its files, as the process itself got them."""

    pid: int
    started_at: float
    start_ticks: str = ""
    cwd: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemoryScope:
    """A limit on memory that a window's processes share. ``kills``: of how many the kernel has ended for it."""

    name: str
    limit_bytes: int
    kills: int = 0


@dataclass(frozen=True, slots=True)
class ClientEnd:
    """How the client of a window ended. ``logged``: the kernel's log says that it was ended for memory."""

    status: int
    logged: bool = False


class Source(StrEnum):
    """Where a piece of evidence comes from, best first (see ``core.classify`` for precedence)."""

    TMUX = "tmux"
    PROCESS = "process"
    REGISTRY = "registry"
    TRANSCRIPT = "transcript"
    HOOK = "hook"
    TITLE = "title"
    SCREEN = "screen"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one source says of one pane at one time. ``state`` None: it has nothing to say about the state."""

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
    """The usage window whose limit was hit, as the client names it; empty when it names none."""
    model: str = ""
    """On which the conversation last ran."""
    spends: bool = False
    """The client says that it goes on beyond its subscription, on credits."""


@dataclass(frozen=True, slots=True)
class Classification:
    """The answer for one pane, and which evidence decided."""

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
    """What a cycle proposes for one agent."""

    window: str
    pane_id: str
    action: str
    kind: ActionKind
    reason: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorktreeFacts:
    """What git says of one worktree. Texts are the reasons git was given; None where it does not apply."""

    path: str
    branch: str | None = None
    head: str = ""
    bare: bool = False
    locked: str | None = None
    prunable: str | None = None

    @property
    def name(self) -> str:
        """The folder's own name, which people call the worktree by."""
        return self.path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class WorktreeContents:
    """What a worktree holds that a checkout would lose. ``changes`` counts paths, untracked ones too, ignored not."""

    changes: int
    first_change: str = ""
    operation: str | None = None
    """A merge, rebase, … that has not come to its end."""
    own_commits: int = 0
    """Commits that no other ref holds."""
