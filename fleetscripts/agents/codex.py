"""Codex: launch and resume lines, account variables, and its other facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from time import localtime, strftime
from typing import TYPE_CHECKING, Any

from fleetscripts.agents.kind_facts import UUID, AccountVariables, EndingKey, Home, ReadOnly, Shown
from fleetscripts.agents.kinds import (
    AgentKind,
    CommandLine,
    InlineSettings,
    Launch,
    Places,
    Words,
)
from fleetscripts.pattern import pattern

if TYPE_CHECKING:
    from fleetscripts.agents.session_view import BackgroundSession, ConversationMessage, SessionView
    from fleetscripts.core.screen.screen import Finds, Layout, Screen
    from fleetscripts.core.spending.tokens import Tokens
    from fleetscripts.models import Client

READ_ONLY = "readOnly"
"""Our own name, for reviewers that may change nothing: not a mode that a user can set."""

APPROVALS: Mapping[str, tuple[str, ...]] = {
    "bypassPermissions": ("--dangerously-bypass-approvals-and-sandbox",),
    "dontAsk": ("-a", "never", "-s", "workspace-write"),
    "plan": ("-a", "on-request", "-s", "read-only"),
    READ_ONLY: ("-a", "never", "-s", "read-only"),
}
ASKS_FIRST = ("-a", "on-request", "-s", "workspace-write")
"""What every other permission mode maps to."""

NO_DAEMON = ("--no-daemon",)
"""If available: otherwise the client opens on a list of all conversations, and leaves a server behind."""

LARGEST_CONFIG_BYTES = 1 << 20
_SESSION = pattern(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Codex(AgentKind):
    """Codex CLI, native binary or started by its npm wrapper."""

    def is_client(self, command: str, argv: Sequence[str]) -> bool:
        """The native binary. The npm wrapper only waits for it, and holds no rollout."""
        program = argv[0].rpartition("/")[2] if argv else command
        return program == "codex" and "app-server" not in argv[1:2]

    def serves_all(self, argv: Sequence[str]) -> bool:
        """Its server, which newer releases start for all sessions."""
        return bool(argv) and argv[0].rpartition("/")[2] == "codex" and list(argv[1:2]) == ["app-server"]

    def held_in_background(self, pid: int) -> BackgroundSession | None:
        """None: its server's sessions have no processes of their own."""
        return None

    def launch(self, launch: Launch) -> CommandLine:
        """A new conversation; Codex chooses its session id itself."""
        return self._command(launch, ())

    def resume(self, launch: Launch) -> CommandLine:
        """The conversation again, or the last one of this folder if its id is unknown."""
        return self._command(launch, ("resume", launch.session_id or "--last"))

    def _command(self, launch: Launch, session: tuple[str, ...]) -> CommandLine:
        from fleetscripts.adapters.git.offered import offers

        argv = (
            launch.executable,
            *(NO_DAEMON if offers(launch.executable, NO_DAEMON[0]) else ()),
            *session,
            *APPROVALS.get(launch.permission_mode, ASKS_FIRST),
            "-c",
            "check_for_update_on_startup=false",
            *launch.extra,
        )
        return CommandLine(argv=argv, env_unset=self.outer_session)

    def read_words(self, words: Sequence[str]) -> Words:
        """``codex resume ID``, ``codex resume --last``, ``codex exec …``."""
        resumes = "resume" in words
        after = words[words.index("resume") + 1 :] if resumes else ()
        named = next((word for word in after if _SESSION.fullmatch(word)), "")
        model = next((value for name, value in pairwise(words) if name in ("-m", "--model")), "")
        others = tuple(word for word in words if word.startswith("-"))
        return Words(resumes, session_id=named, prints="exec" in words[:1], model=model, others=others)

    def inline_settings(self, wanted: InlineSettings) -> str:
        """None: it takes no hooks from its command line."""
        return ""

    def settings_words(self, text: str) -> tuple[str, ...]:
        """None."""
        return ()

    def needs(self, places: Places) -> tuple[str, ...]:
        """The variables with the keys of the user's own model providers."""
        providers = _config(places.home).get("model_providers")
        tables = providers.values() if isinstance(providers, dict) else ()
        names = [table.get("env_key") for table in tables if isinstance(table, dict)]
        return tuple(name for name in names if isinstance(name, str) and name)

    def name_home(self, folder: Path, environment: dict[str, str]) -> None:
        """By its variable alone."""
        environment[self.home.variable] = str(folder)

    def login_question(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """``login status``; none if the configuration has a provider of the user's own, which needs no login."""
        home = environment.get(self.home.variable) or f"{environment.get('HOME', '~')}/.codex"
        return () if uses_own_provider(Path(home)) else ("login", "status")

    def is_logged_in(self, exit_code: int, output: str) -> bool | None:
        """By its exit code."""
        return exit_code == 0

    def login_line(self, folder: str) -> str:
        """``codex login``, in that folder."""
        return f"{self.home.variable}={folder} codex login" if folder else "codex login"

    def settings_files(self, home: Path, worktree: Path | None) -> tuple[Path, ...]:
        """None that restricts what a dialog would allow."""
        return ()

    def layout(self, screen: Screen, finds: Finds) -> Layout:
        """Composer, footer, status line, conversation."""
        from fleetscripts.agents.codex_layout import codex_layout

        return codex_layout(screen, finds)

    def looks_like(self, texts: Sequence[str]) -> bool:
        """By its prompt's mark, or by its name and no other client's."""
        from fleetscripts.agents.codex_layout import looks_like_codex

        return looks_like_codex(texts)

    def typed_text(self, record: Mapping[str, Any]) -> str | None:
        """Messages by the user, not those that the client writes in their name."""
        from fleetscripts.agents.codex_rollout import typed_text

        return typed_text(record)

    def said(self, record: Mapping[str, Any]) -> ConversationMessage | None:
        """Messages of both sides."""
        from fleetscripts.agents.session_view import said_in

        return said_in(self.typed_text(record), record.get("payload"))

    def look(self, client: Client, places: Places, now: float, session_id: str | None = None) -> SessionView:
        """From the client's rollout."""
        from fleetscripts.agents import codex_session

        return codex_session.look(client, self._home(client.environment, places), places, session_id)

    def conversation(self, home: Path, worktree: Path, session_id: str) -> Path | None:
        """A rollout, in the folder of the day on which the conversation began."""
        from fleetscripts.agents.codex_session import newest_rollout, rollout_named

        return rollout_named(home, session_id) if session_id else newest_rollout(home, worktree)

    def used(self, fleet_home: Path, transcript: Path) -> Mapping[str, Tokens]:
        """From its rollout and those of its sub-agents."""
        from fleetscripts.agents.codex_usage import used

        return used(fleet_home, transcript)

    def watched(self, environment: Mapping[str, str], cwd: str, places: Places, now: float) -> tuple[Path, ...]:
        """Rollouts are written to a folder of the day, for every worktree."""
        sessions = self._home(environment, places) / "sessions"
        days = [strftime("%Y/%m/%d", localtime(now + offset)) for offset in (0, 3600)]
        return tuple(dict.fromkeys(sessions / day[:length] for day in days for length in (0, 4, 7, 10)))

    def _home(self, environment: Mapping[str, str], places: Places) -> Path:
        return Path(environment.get(self.home.variable) or places.home)


def uses_own_provider(home: Path) -> bool:
    """Whether the configuration has a model provider of the user's own, which needs no login at OpenAI."""
    config = _config(home)
    providers, chosen = config.get("model_providers"), config.get("model_provider")
    provider = providers.get(chosen) if isinstance(providers, dict) and isinstance(chosen, str) else None
    return isinstance(provider, dict) and provider.get("requires_openai_auth") is not True


def _config(home: Path) -> dict[str, Any]:
    import tomllib

    from fleetscripts.adapters.system.regular_file import read_regular

    try:
        return tomllib.loads(read_regular(home / "config.toml", LARGEST_CONFIG_BYTES).decode())
    except (OSError, ValueError, RecursionError):
        return {}  # Codex itself reports what it cannot read there


KIND = Codex(
    name="codex",
    title="Codex",
    commands=frozenset({"codex", "node"}),
    launch_words=frozenset({"codex"}),
    rules="codex",
    takes_session_id=False,
    session_id=UUID,
    hands_over=True,
    queue_key="Tab",
    queued_row=r" {1,4}↳ (?P<text>\S.*)",
    folded=r"\[Pasted Content \d+ chars\]",
    ending=(EndingKey(Shown.LIMIT_MENU, "Escape"), EndingKey(Shown.EMPTY_BOX, "C-c")),
    resume_hint=r"\bcodex\b.{0,40}resume (?P<session>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    home=Home(setting="codex_home", variable="CODEX_HOME", default="~/.codex", conversations="sessions"),
    accounts=AccountVariables(
        tokens={"api": ("OPENAI_API_KEY", "CODEX_API_KEY")}, descriptors={}, switches={}, own_login=frozenset()
    ),
    passed_on=("CODEX_HOME", "OPENAI_API_KEY", "CODEX_API_KEY"),
    outer_session=("CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_THREAD_ID"),
    session_mark="",
    program_folders=(),
    install="npm install -g @openai/codex",
    read_only=ReadOnly(READ_ONLY),
    runs_code=(".codex",),
    steering=("AGENTS.md", "AGENTS.override.md", ".codex/**", ".agents/**"),
    sub_worktrees=(),
)
