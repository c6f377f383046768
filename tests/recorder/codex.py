"""Codex on the stage: its home, how it is started and ended."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from tests.recorder.model_codex import CodexModel
from tests.recorder.namespace import HOME, PROJECT
from tests.recorder.stage import TYPED_SECONDS, Options, Stage
from tests.recorder.terminal import NotReached, Terminal

BOX = r"^\s*[›❯!]\s?"
PROBE = "zq"
KEY_SECONDS = 0.5
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


class Codex(Stage):
    """One client in one pane; ``launch`` brings it to its prompt past whatever stands before it."""

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

    def launch(self, *arguments: str) -> None:
        """Start and go on to the prompt."""
        self.start(*arguments)
        end = time.monotonic() + 40
        while time.monotonic() < end:
            if self.at_prompt():
                return
            if self.terminal.shows(NEW_MODEL):
                self.terminal.keys("Down", "Enter")
            if self.terminal.shows(r"Trust and continue|Yes, continue|allow Codex to work"):
                time.sleep(0.4)
                self.terminal.keys("Enter")
            time.sleep(0.4)
        raise NotReached(f"no prompt after the start; the screen says {self.terminal.screen()[-300:]!r}")

    def at_prompt(self) -> bool:
        """True when two letters typed now stand in the composer; they are taken away again."""
        screen = self.terminal.screen()
        if self.terminal.command() == "bash" or not re.search(BOX, screen, re.MULTILINE):
            return False
        if re.search(r"^\s*› \d\.", screen, re.MULTILINE):
            return False
        self.terminal.type(PROBE)
        try:
            self.terminal.wait(lambda: self._in_box(PROBE), "the probe", 2)
        except NotReached:
            return False
        for _ in range(3 * len(PROBE)):
            self.terminal.keys("BSpace")
            if self.terminal.comes(lambda: not self._in_box(PROBE[0]), KEY_SECONDS):
                time.sleep(TYPED_SECONDS)
                return True
        raise NotReached("the box keeps the probe")

    def _in_box(self, text: str) -> bool:
        return bool(re.search(BOX + re.escape(text), self.terminal.screen(), re.MULTILINE))

    def boxed(self, text: str) -> bool:
        """True when the composer (the last row that begins like one) holds this text."""
        rows = [line for line in self.terminal.screen().splitlines() if re.match(BOX, line)]
        return bool(rows) and text in rows[-1]

    def ready(self) -> None:
        """Have a client at its prompt, a new one if need be."""
        self.script.release()
        try:
            if self.at_prompt():
                return
        except NotReached:
            pass
        self.restart()

    def restart(self, *arguments: str) -> None:
        """End the client and start a new one."""
        self.script.release()
        if self.terminal.command() != "bash":
            self.terminal.kill_client()
        self.launch(*arguments)

    def turn_over(self, seconds: float = 15.0) -> None:
        """Wait until nothing is asked of the model and the status line of a turn is gone."""
        super().turn_over(seconds)
        self.terminal.wait(lambda: not LIVE_TURN.search(self.terminal.screen()), "the end of the turn", seconds)
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
