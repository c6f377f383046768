"""Codex on the stage: its home, how it is started and ended."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from tests.recorder.client import Client
from tests.recorder.model_codex import CodexModel
from tests.recorder.namespace import HOME, PROJECT
from tests.recorder.stage import Options
from tests.recorder.terminal import NotReached, Terminal

LIVE_TURN = re.compile(r"^[•◦] \S.{0,40}\((?:\d+h )?(?:\d+m )?\d+s • ", re.MULTILINE)
NEW_MODEL = r"Try new model"
_FLAGS = {
    "default": "",
    "untrusted": "-a untrusted -s workspace-write",
    "on-request": "-a on-request -s workspace-write",
    "never": "-a never -s danger-full-access",
    "bypass": "--dangerously-bypass-approvals-and-sandbox",
}
_CONFIG = """\
model = "gpt-5"
{provider}check_for_update_on_startup = {updates}
[analytics]
enabled = false
[tui]
animations = true
[model_providers.local]
name = "local"
base_url = "{url}"
wire_api = "responses"
env_key = "LOCAL_KEY"
request_max_retries = {retries}
stream_max_retries = {retries}
"""


class Codex(Client):
    """Codex in one pane."""

    box = r"^\s*[›❯!]\s?"
    choice = r"^\s*› \d\."
    exits = "/quit"
    queues = "Tab"

    def __init__(self, options: Options, model: CodexModel, terminal: Terminal, url: str) -> None:
        super().__init__(options, model.script, terminal)
        self.model = model
        self.url = url

    @property
    def home(self) -> Path:
        """CODEX_HOME."""
        return HOME / ".codex"

    def configure(
        self, *, trusted: bool = True, own_provider: bool = True, updates: bool = False, retries: int = 1
    ) -> None:
        """Write the user's configuration as it stands before a start."""
        self.home.mkdir(exist_ok=True)
        provider = 'model_provider = "local"\n' if own_provider else ""
        text = _CONFIG.format(provider=provider, updates=str(updates).lower(), url=self.url, retries=retries)
        if trusted:
            text += f'[projects."{PROJECT}"]\ntrust_level = "trusted"\n'
        (self.home / "config.toml").write_text(text)
        version = self.home / "version.json"
        if updates:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            latest = {"latest_version": "9.9.9", "last_checked_at": now, "dismissed_version": None}
            version.write_text(json.dumps(latest))
        elif version.exists():
            version.unlink()

    def start(self, *arguments: str) -> None:
        """Type the start line at the shell; the client comes up as it likes."""
        self.terminal.fresh_shell()
        self.terminal.type(" ".join(["codex", *arguments, _FLAGS[self.options.permission_mode]]).strip())
        self.terminal.keys("Enter")

    def launch(self, *arguments: str, **start: Any) -> None:
        """Start and go on to the prompt."""
        self.start(*arguments)
        end = time.monotonic() + 40
        while time.monotonic() < end:
            if self.at_prompt():
                return
            if self.terminal.shows(NEW_MODEL):
                self.terminal.keys("Down", "Enter")
            if self.terminal.shows(r"Trust and continue|Yes, continue|allow Codex to work"):
                self.terminal.settle()
                self.terminal.keys("Enter")
            self.moves(0.4)
        raise NotReached(f"no prompt after the start; the screen says {self.terminal.screen()[-300:]!r}")

    def dialog_drawn(self) -> bool:
        """True when a row to choose is focused."""
        return bool(re.search(self.choice, self.terminal.screen(), re.MULTILINE))

    def turn_drawn(self) -> bool:
        """True when the screen shows that a turn is in progress."""
        return bool(LIVE_TURN.search(self.terminal.screen()))

    def turn_over(self, seconds: float = 15.0) -> None:
        """Wait until nothing is asked of the model and the status line of a turn is gone."""
        super().turn_over(seconds)
        self.terminal.wait(lambda: not self.turn_drawn(), "the end of the turn", seconds)
        self.terminal.settle()

    def newest_session(self) -> str:
        """The id of the conversation that was written to last."""
        rollouts = sorted((self.home / "sessions").rglob("rollout-*"), key=lambda path: path.stat().st_mtime)
        found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", rollouts[-1].name) if rollouts else None
        if not found:
            raise NotReached("the client kept no rollout")
        return found[0]

    def not_run(self) -> None:
        """Check that what a dialog asks about has not happened."""
        self.terminal.settle()
        if any((HOME / name).exists() for name in ("outside", "src/outside.txt", "src/long.py", "src/shop/made")):
            raise NotReached("it was done without a question")
