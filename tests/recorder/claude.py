"""Claude Code on the stage: its home, how it is started and ended, what its session registry says."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.recorder.client import KEY_SECONDS, Client
from tests.recorder.model_claude import ClaudeModel
from tests.recorder.namespace import HOME, PROJECT
from tests.recorder.releases import numbers
from tests.recorder.stage import Options
from tests.recorder.terminal import NotReached, Terminal

API_KEY = "sk-ant-fake-key-000000000000"
OAUTH_TOKEN = "sk-ant-oat01-fakefakefake"
BOX_STANDING = re.compile(r"^\s*─{20,}.*\n\s*[❯>!#](?! *\d\.).*\n(?:.*\n){0,12}?\s*─{20,}", re.MULTILINE)
LIVE_SPINNER = re.compile(r"^[·✢*✳✶✻✽∗] \S.{0,60}…", re.MULTILINE)
STATUS_LINE = """\
#!/bin/sh
printf '\\033[1mshop\\033[0m on \\033[35mmain\\033[0m · 2 open reviews\\n'
printf '  build passed · 41 tests · deploy > staging\\n'
printf '  next: ❯ tidy the basket · 12s ago\\n'
"""
_START_ROWS = {
    "trust": (r"Do you trust|Is this a project you|trust the files|trust this folder", r"Yes"),
    "bypass": (r"Bypass Permissions mode", r"Yes, I accept"),
    "api_key": (r"Detected a custom API key|Do you want to use this API key", r"Yes"),
    "settings": (r"Settings Error|Continue without these settings", r"Continue without"),
    "mcp": (r"New MCP servers? found|MCP server", r"Continue without|without using"),
    "auto": (r"Enable auto mode|auto mode", r"Yes"),
}


class Claude(Client):
    """Claude Code in one pane."""

    box = r"^\s*[│|]?\s*[❯>!#&]\s?"
    choice = r"^\s*[│|]?\s*❯ (\d\.|No|Yes)"
    exits = "/exit"
    queues = "Enter"

    def __init__(self, options: Options, model: ClaudeModel, terminal: Terminal) -> None:
        super().__init__(options, model.script, terminal)
        self.model = model
        self.registry = self._registry
        self.session_id = ""

    def configure(
        self,
        *,
        onboarded: bool = True,
        trusted: bool = True,
        key_approved: bool = True,
        servers: Mapping[str, Any] | None = None,
        features: Mapping[str, bool] | None = None,
    ) -> None:
        """Write the user's configuration as it stands before a start."""
        config: dict[str, Any] = {"theme": self.options.theme, "numStartups": 5}
        if onboarded:
            config |= {"hasCompletedOnboarding": True, "lastOnboardingVersion": self.options.release}
            config["shiftEnterKeyBindingInstalled"] = True
        else:
            del config["theme"]
        if key_approved:
            config["customApiKeyResponses"] = {"approved": [API_KEY[-20:]], "rejected": []}
        config["projects"] = {str(PROJECT): {"hasTrustDialogAccepted": trusted, "allowedTools": []}}
        if features:
            config["cachedGrowthBookFeatures"] = dict(features)
        if servers:
            config["mcpServers"] = dict(servers)
        (HOME / ".claude.json").write_text(json.dumps(config))
        folder = HOME / ".claude"
        folder.mkdir(exist_ok=True)
        settings: dict[str, Any] = {"theme": self.options.theme}
        if self.options.status_line:
            script = folder / "status-line.sh"
            script.write_text(STATUS_LINE)
            script.chmod(0o755)
            settings["statusLine"] = {"type": "command", "command": str(script)}
        (folder / "settings.json").write_text(json.dumps(settings))

    def _registry(self) -> list[dict[str, Any]]:
        entries = []
        for path in sorted((HOME / ".claude" / "sessions").glob("*.json")):
            try:
                entry = json.loads(path.read_text())
            except ValueError:
                continue
            entries.append({key: entry[key] for key in ("status", "waitingFor", "version", "kind") if key in entry})
        return entries

    def start(self, *arguments: str, login: bool = True, extra: Mapping[str, str] | None = None) -> None:
        """Type the start line at the shell; the client comes up as it likes. ``extra``: more environment."""
        for path in (HOME / ".claude" / "sessions").glob("*.json"):
            path.unlink()
        self.terminal.fresh_shell()
        token = f"CLAUDE_CODE_OAUTH_TOKEN={OAUTH_TOKEN}"
        secret = "" if not login else token if self.options.mode == "oauth" else f"ANTHROPIC_API_KEY={API_KEY}"
        exports = " ".join([secret, *(f"{name}={value}" for name, value in (extra or {}).items())]).strip()
        if exports:
            self.terminal.type(f"export {exports}; clear")
            self.terminal.keys("Enter")
            self.terminal.wait(lambda: "export" not in self.terminal.screen(), "a clean shell")
        line = f"claude --permission-mode {self.options.permission_mode}"
        if "--resume" not in arguments and "--continue" not in arguments and numbers(self.options.release) >= (2,):
            self.session_id = str(uuid.uuid4())
            line += f" --session-id {self.session_id}"
        line += f" -n {self.options.name}" if self.options.name else ""
        self.terminal.type(" ".join([line, *arguments]))
        self.terminal.keys("Enter")

    def launch(self, *arguments: str, **start: Any) -> None:
        """Start and go on to the prompt."""
        self.start(*arguments, **start)
        end = time.monotonic() + 40
        while time.monotonic() < end:
            if self.at_prompt():
                return
            self._pass_dialog()
        raise NotReached(f"no prompt after the start; the screen says {self.terminal.screen()[-300:]!r}")

    def _pass_dialog(self) -> None:
        screen = self.terminal.screen()
        for pattern, row in _START_ROWS.values():
            if re.search(pattern, screen) and re.search(r"❯|>", screen) and re.search(row, screen):
                self.choose(row)
                self.moves(0.5)
                return
        self.moves(0.3)

    def choose(self, row: str) -> None:
        """Move to a dialog's row by its text and press Enter."""
        self.terminal.settle()
        for _ in range(8):
            focused = self._focused()
            if re.search(row, focused):
                self.terminal.keys("Enter")
                return
            self.terminal.keys("Down")
            self._focus_leaves(focused)
        raise NotReached(f"no row {row!r} to choose")

    def _focus_leaves(self, row: str) -> bool:
        return self.terminal.comes(lambda: self._focused() != row, KEY_SECONDS)

    def _focused(self) -> str:
        rows = [line for line in self.terminal.screen().splitlines() if re.match(r"[\s│]*[❯>]\s*\S", line)]
        return rows[-1] if rows else ""

    def transcripts(self) -> list[Path]:
        """The conversations kept so far."""
        return sorted((HOME / ".claude" / "projects").glob("*/*.jsonl"))

    def turn_drawn(self) -> bool:
        """True when the screen shows that a turn is in progress."""
        return bool(LIVE_SPINNER.search(self.terminal.screen()))

    def turn_over(self, seconds: float = 15.0, *, box: bool = True) -> None:
        """Wait until nothing is asked of the model and the client has drawn the end of the turn."""
        super().turn_over(seconds)
        self.terminal.wait(lambda: not self.turn_drawn(), "the end of the spinner", seconds)
        if box:
            self.terminal.wait(self.box_stands, "the input box", seconds)
        self.terminal.settle()

    def box_stands(self) -> bool:
        """True when the input box is drawn between its two rules."""
        return bool(BOX_STANDING.search(self.terminal.screen()))

    def dialog_drawn(self) -> bool:
        """True when no input box is drawn: a dialog takes its place."""
        return not self.box_stands()

    def newest_session(self) -> str:
        """The id of the conversation that was written to last."""
        if not self.transcripts():
            raise NotReached("the client kept no transcript")
        return max(self.transcripts(), key=lambda path: path.stat().st_mtime).stem

    def still_asked(self, text: str) -> None:
        """Check that the tool which a dialog asks about has not run."""
        if (PROJECT / text).exists():
            raise NotReached(f"{text} was written without a question")

    def retrying_shown(self) -> None:
        """Wait until the client says that it tries again, where it says so at all."""
        self.terminal.await_text(r"[Rr]etrying|attempt \d|try \d", 8)

    def at_rest(self, prompt: str) -> None:
        """Wait until a prompt is asked no more and the client has come to rest."""
        end = time.monotonic() + 40
        while time.monotonic() < end and self._asks_again(prompt):
            continue
        self.turn_over(box=False)

    def _asks_again(self, prompt: str) -> bool:
        asked = self.script.asked(prompt)
        return self.terminal.comes(lambda: self.script.asked(prompt) != asked, 2.0)

    def settled_after_escape(self, prompt: str) -> None:
        """After an interrupt: no further try comes, and the screen is at rest."""
        self.at_rest(prompt)
        if self.terminal.shows(r"[Rr]etrying in"):
            raise NotReached("the client still tries again")

    def shift_to_plan(self) -> None:
        """Go to the plan mode by shift+tab."""
        for _ in range(5):
            if self.terminal.shows(r"plan mode on"):
                return
            self.terminal.keys("BTab")
            self.waits_for(r"plan mode on", 0.5)
        raise NotReached("no plan mode")

    def tasks_command(self) -> bool:
        """True for releases whose list of background tasks is called /tasks."""
        return numbers(self.options.release) >= (2, 0, 60)

    def since(self, release: str, what: str) -> None:
        """Give up at once on what came only with a later release."""
        if numbers(self.options.release) < numbers(release):
            raise NotReached(f"{what} came with {release}")
