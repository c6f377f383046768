"""Claude Code: launch and resume lines, settings, account variables, and its other facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fleetscripts.account import SUBSCRIPTION
from fleetscripts.agents.kind_facts import UUID, AccountVariables, EndingKey, Home, ReadOnly, Shown
from fleetscripts.agents.kinds import (
    AgentKind,
    CommandLine,
    InlineSettings,
    Launch,
    Places,
    Words,
)
from fleetscripts.errors import UsageProblem

if TYPE_CHECKING:
    from fleetscripts.agents.session_view import BackgroundSession, ConversationMessage, SessionView
    from fleetscripts.core.screen.screen import Finds, Layout, Screen
    from fleetscripts.core.spending.tokens import Tokens
    from fleetscripts.models import Client

OAUTH = "CLAUDE_CODE_OAUTH_TOKEN"
READ_ALOUD = "CLAUDE_AX_SCREEN_READER"
"""Overrides the user's setting: in that mode the client draws neither the box nor the rows that identify a screen."""
DENIES = "dontAsk"
"""The permission mode that denies whatever would need a question."""

_PROGRAMS = ("claude", "claude.exe")
"""The second is in the npm package on every system; it starts background sessions."""
_CLAIMED = "claude bg-spare"
"""A pre-started process's own name, which it keeps once it has a session."""
_SERVICES = ("daemon", "bg-pty-host")
_SAME_MODE = {"manual": "default", "default": "manual"}


class ClaudeCode(AgentKind):
    """Claude Code, native binary or npm build."""

    def is_client(self, command: str, argv: Sequence[str]) -> bool:
        """The native binary, or node running the npm build's entry file; in a terminal or in the background."""
        program = argv[0].rpartition("/")[2] if argv else command
        if argv[1:2] and argv[1] in _SERVICES:
            return False
        if command == "claude" or program in (*_PROGRAMS, _CLAIMED):
            return True
        return command in ("node", "MainThread") and any(
            word.endswith(("/claude", "/claude-code/cli.js", "/claude-code/cli.mjs")) for word in argv[1:3]
        )

    def serves_all(self, argv: Sequence[str]) -> bool:
        """The daemon that holds the conversations of the agents view."""
        return bool(argv) and argv[0].rpartition("/")[2] in _PROGRAMS and list(argv[1:2]) == ["daemon"]

    def held_in_background(self, pid: int) -> BackgroundSession | None:
        """By the registry's entry for a process of that daemon."""
        from fleetscripts.agents.claude_parked import held_by

        return held_by(pid)

    def launch(self, launch: Launch) -> CommandLine:
        """A new conversation under the given session id."""
        return self._command(launch, ("--session-id", launch.session_id) if launch.session_id else ())

    def resume(self, launch: Launch) -> CommandLine:
        """The same conversation; the client does not remember mode and settings, so they are given again."""
        return self._command(launch, ("--resume", launch.session_id) if launch.session_id else ("--continue",))

    def _command(self, launch: Launch, session: tuple[str, ...]) -> CommandLine:
        from fleetscripts.adapters.git.offered import lacks, offers

        argv = [launch.executable, *session]
        if session[:1] == ("--session-id",) and lacks(launch.executable, session[0]):
            found = launch.executable
            raise UsageProblem(f"expected a {self.title} that takes {session[0]}, 2.0 or later, found {found}")
        if launch.permission_mode:
            argv += ["--permission-mode", _mode(launch)]
        if launch.name and offers(launch.executable, "--name"):
            argv += ["-n", launch.name]
        if launch.settings:
            argv += self.settings_words(launch.settings)
        bypass_as_root = launch.as_root and launch.permission_mode == "bypassPermissions"
        return CommandLine(
            argv=(*argv, *launch.extra),
            env_set={READ_ALOUD: "0"} | ({"IS_SANDBOX": "1"} if bypass_as_root else {}),
            env_unset=self.outer_session,
        )

    def read_words(self, words: Sequence[str]) -> Words:
        """Options of any release."""
        from fleetscripts.agents.claude_words import read_words

        return read_words(words)

    def inline_settings(self, wanted: InlineSettings) -> str:
        """JSON that the client merges with the user's own settings, whose files stay untouched."""
        from fleetscripts.agents.claude_settings import settings_json

        return settings_json(wanted) if wanted.statusline or wanted.hook_command or wanted.skip_bypass_warning else ""

    def settings_words(self, text: str) -> tuple[str, ...]:
        """``--settings``, which takes JSON."""
        return ("--settings", text)

    def needs(self, places: Places) -> tuple[str, ...]:
        """None: all its variables have known names."""
        return ()

    def name_home(self, folder: Path, environment: dict[str, str]) -> None:
        """The client keeps ``.claude.json`` inside a configured folder, but beside the default ``~/.claude``: if the
        default is configured, the file is not found, and the client starts its first-run set-up."""
        default = Path(environment["HOME"]) / ".claude" if environment.get("HOME") else Path.home() / ".claude"
        if folder.resolve() == default.resolve() and not (default / ".claude.json").exists():
            environment.pop(self.home.variable, None)
        else:
            environment[self.home.variable] = str(folder)

    def login_question(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        """``auth status``; older releases have no such command."""
        return ("auth", "status", "--json")

    def is_logged_in(self, exit_code: int, output: str) -> bool | None:
        """As its JSON says, whatever the exit code."""
        try:
            told = json.loads(output)
        except ValueError:
            return None
        return told["loggedIn"] is True if isinstance(told, dict) and "loggedIn" in told else None

    def login_line(self, folder: str) -> str:
        """``claude auth login``, in that folder."""
        return f"{self.home.variable}={folder} claude auth login" if folder else "claude auth login"

    def settings_files(self, home: Path, worktree: Path | None) -> tuple[Path, ...]:
        """The user's, and the worktree's."""
        folders = [home, *([worktree / ".claude"] if worktree is not None else [])]
        return tuple(folder / name for folder in folders for name in ("settings.json", "settings.local.json"))

    def layout(self, screen: Screen, finds: Finds) -> Layout:
        """Input box, footer, spinner, conversation."""
        from fleetscripts.agents.claude_layout import claude_layout

        return claude_layout(screen, finds)

    def looks_like(self, texts: Sequence[str]) -> bool:
        """By a session's header."""
        return any("Claude Code v" in text for text in texts)

    def typed_text(self, record: Mapping[str, Any]) -> str | None:
        """Messages, including those that were queued or taken into a turn in progress."""
        from fleetscripts.agents.claude_typed import typed_text

        return typed_text(record)

    def said(self, record: Mapping[str, Any]) -> ConversationMessage | None:
        """Messages of both sides, in the main conversation."""
        from fleetscripts.agents.session_view import said_in

        typed = self.typed_text(record)
        if typed is None and any(record.get(mark) for mark in ("isSidechain", "isMeta", "isApiErrorMessage")):
            return None
        answer = record.get("message") if record.get("type") == "assistant" else None
        made_up = isinstance(answer, Mapping) and answer.get("model") == "<synthetic>"
        return said_in(typed, None if made_up else answer)

    def look(self, client: Client, places: Places, now: float, session_id: str | None = None) -> SessionView:
        """Registry record, transcript and hook events of a live client."""
        from fleetscripts.agents import claude_session

        return claude_session.look(client, places, session_id, now)

    def conversation(self, home: Path, worktree: Path, session_id: str) -> Path | None:
        """A transcript of the worktree's project folder, or of any other."""
        from fleetscripts.agents.claude_session import newest_transcript, transcript_path

        here = str(worktree.resolve())
        return transcript_path(home, here, session_id) if session_id else newest_transcript(home, here)

    def used(self, fleet_home: Path, transcript: Path) -> Mapping[str, Tokens]:
        """From its transcript and those of its sub-agents."""
        from fleetscripts.agents.claude_usage import used

        return used(fleet_home, transcript)

    def watched(self, environment: Mapping[str, str], cwd: str, places: Places, now: float) -> tuple[Path, ...]:
        """The registry, and the transcripts of the worktree."""
        from fleetscripts.agents.claude_session import config_folder, project_folder

        config = config_folder(environment, places) if environment else places.home
        return (config / "sessions", config / "projects", project_folder(config, cwd))


def _mode(launch: Launch) -> str:
    """This release's name for the permission mode."""
    from fleetscripts.adapters.git.offered import choices

    known = choices(launch.executable, "--permission-mode")
    if launch.permission_mode == DENIES and known and DENIES not in known:
        return "default"  # it asks, and a person answers
    other = _SAME_MODE.get(launch.permission_mode, launch.permission_mode)
    return other if launch.permission_mode not in known and other in known else launch.permission_mode


# Ctrl-C at a limit first cancels waiting for the reset, then asks to be pressed again within a second, then exits.
KIND = ClaudeCode(
    name="claude",
    title="Claude Code",
    commands=frozenset({"claude", "node"}),
    launch_words=frozenset({"claude"}),
    rules="claude",
    takes_session_id=True,
    session_id=UUID,
    hands_over=True,
    queue_key="Enter",
    queued_row="",
    folded=r"\[Pasted text #\d+(?: \+)?(?P<lines>\d*)(?: lines?)?\]|\[\.\.\.Truncated text #\d+ \+\d+ lines\.\.\.\]",
    ending=(EndingKey(Shown.LIMIT_MENU, "Escape"), EndingKey(Shown.EMPTY_BOX, "C-c")),
    resume_hint=r"\bclaude\b.{0,40}--resume (?P<session>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    home=Home(setting="claude_config_dir", variable="CLAUDE_CONFIG_DIR", default="~/.claude", conversations="projects"),
    accounts=AccountVariables(
        tokens={
            SUBSCRIPTION: (OAUTH,),
            "api": ("ANTHROPIC_API_KEY",),
            "gateway": ("ANTHROPIC_AUTH_TOKEN",),
            "bedrock": ("AWS_BEARER_TOKEN_BEDROCK",),
            "foundry": ("ANTHROPIC_FOUNDRY_API_KEY",),
        },
        # seen in 1.0.128 to 2.1.329, keys from 2.0.76
        descriptors={
            OAUTH: "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
            "ANTHROPIC_API_KEY": "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
        },
        switches={
            "bedrock": "CLAUDE_CODE_USE_BEDROCK",
            "vertex": "CLAUDE_CODE_USE_VERTEX",
            "foundry": "CLAUDE_CODE_USE_FOUNDRY",
        },
        own_login=frozenset({OAUTH}),
    ),
    passed_on=("CLAUDE_CONFIG_DIR", "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", OAUTH),
    outer_session=("CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_SESSION_ID", "CLAUDE_PID"),
    session_mark="CLAUDECODE",
    program_folders=(".claude/local",),
    install="npm install -g @anthropic-ai/claude-code",
    # Bash too: no list of its commands is short and safe. The mode denies whatever is not named here and would ask.
    read_only=ReadOnly(DENIES, ("--disallowedTools", "Bash,Edit,MultiEdit,Write,NotebookEdit")),
    runs_code=(".claude", ".mcp.json"),
    steering=("CLAUDE.md", "CLAUDE.local.md", "AGENTS.md", ".mcp.json", ".claude/**", ".claude-plugin/**"),
    sub_worktrees=(".claude/worktrees/",),
)
