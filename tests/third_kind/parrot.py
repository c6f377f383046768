"""Parrot: repeats what it is told; told to "squawk", it is busy until it is stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.agents.kind_facts import UUID, AccountVariables, EndingKey, Home, ReadOnly, Shown
from fleetscripts.agents.kinds import (
    AgentKind,
    CommandLine,
    InlineSettings,
    Launch,
    Places,
    Words,
)
from fleetscripts.agents.session_view import BackgroundSession, ConversationMessage, SessionView
from fleetscripts.core.gates.completion import Message, checkpoints
from fleetscripts.core.screen.draft import read_box
from fleetscripts.core.screen.screen import Finds, Layout, Screen, region_of
from fleetscripts.core.spending.tokens import Tokens
from fleetscripts.models import Client

FOOT = "-- parrot --"


class Parrot(AgentKind):
    """A small program in a terminal."""

    def is_client(self, command: str, argv: Sequence[str]) -> bool:
        return bool(argv) and argv[0].rpartition("/")[2] == "parrot"

    def serves_all(self, argv: Sequence[str]) -> bool:
        return False

    def held_in_background(self, pid: int) -> BackgroundSession | None:
        return None

    def launch(self, launch: Launch) -> CommandLine:
        return CommandLine((launch.executable, "--session", launch.session_id, *launch.extra))

    def resume(self, launch: Launch) -> CommandLine:
        return CommandLine((launch.executable, "--resume", launch.session_id, *launch.extra))

    def read_words(self, words: Sequence[str]) -> Words:
        resumes = "--resume" in words
        return Words(resumes, session_id=words[words.index("--resume") + 1] if resumes else "")

    def inline_settings(self, wanted: InlineSettings) -> str:
        return ""

    def settings_words(self, text: str) -> tuple[str, ...]:
        return ()

    def needs(self, places: Places) -> tuple[str, ...]:
        return ()

    def name_home(self, folder: Path, environment: dict[str, str]) -> None:
        environment[self.home.variable] = str(folder)

    def login_question(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        return ()

    def is_logged_in(self, exit_code: int, output: str) -> bool | None:
        return None

    def login_line(self, folder: str) -> str:
        return "parrot login"

    def settings_files(self, home: Path, worktree: Path | None) -> tuple[Path, ...]:
        return ()

    def layout(self, screen: Screen, finds: Finds) -> Layout:
        texts = screen.texts
        first = next(
            (at for at in range(len(texts) - 1, -1, -1) if texts[at].rstrip() == "]" or texts[at].startswith("] ")),
            None,
        )
        if first is None or texts[-1] != FOOT:
            return Layout()
        above = [text for text in texts[:first] if text.strip()]
        regions = {"above_box": region_of(above[-1:]), "footer": region_of(texts[-1:])}
        return Layout(regions, read_box(screen, first, len(texts) - 1, top=first, bottom=len(texts) - 2))

    def looks_like(self, texts: Sequence[str]) -> bool:
        return FOOT in texts

    def typed_text(self, record: Mapping[str, Any]) -> str | None:
        return str(record["text"]) if record.get("by") == "user" else None

    def said(self, record: Mapping[str, Any]) -> ConversationMessage | None:
        return ConversationMessage(record["by"] == "parrot", str(record["text"]))

    def look(self, client: Client, places: Places, now: float, session_id: str | None = None) -> SessionView:
        home = Path(client.environment.get(self.home.variable) or places.home)
        note = home / "live" / str(client.pid)
        found = note.read_text() if note.is_file() else session_id
        file = self.conversation(home, Path(client.cwd), found or "")
        records = [parse_line(line) for line in file.read_bytes().splitlines()] if file else []
        own = [str(record["text"]) for record in records if record and record["by"] == "parrot"]
        return SessionView(
            session_id=found,
            transcript=file,
            messages=tuple(Message(text, now) for text in own[-1:] if not checkpoints(text)),
        )

    def conversation(self, home: Path, worktree: Path, session_id: str) -> Path | None:
        file = home / "talks" / f"{session_id}.jsonl"
        return file if session_id and file.is_file() else None

    def used(self, fleet_home: Path, transcript: Path) -> Mapping[str, Tokens]:
        return {}

    def watched(self, environment: Mapping[str, str], cwd: str, places: Places, now: float) -> tuple[Path, ...]:
        return (Path(environment.get(self.home.variable) or places.home) / "talks",)


KIND = Parrot(
    name="parrot",
    title="Parrot",
    commands=frozenset({"parrot"}),
    launch_words=frozenset({"parrot"}),
    rules="parrot",
    takes_session_id=True,
    session_id=UUID,
    hands_over=False,
    queue_key="",
    queued_row="",
    folded=r"<(?P<lines>\d+) more lines>",
    ending=(EndingKey(Shown.EMPTY_BOX, "C-c"),),
    resume_hint=r"parrot --resume (?P<session>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    home=Home(setting="parrot_home", variable="PARROT_HOME", default="~/.parrot", conversations="talks"),
    accounts=AccountVariables(tokens={}, descriptors={}, switches={}, own_login=frozenset()),
    passed_on=("PARROT_HOME",),
    outer_session=(),
    session_mark="",
    program_folders=(),
    install="",
    read_only=ReadOnly("", ("--read-only",)),
    runs_code=(),
    steering=(),
    sub_worktrees=(),
)
