"""The practice agent's command line and environment, read without argparse, which is slow to import.

Environment: ``CLAUDE_CONFIG_DIR`` (default ``~/.claude``) · ``PRACTICE_KEYLOG`` a folder: raw bytes read go to
``SESSION.keys`` there · ``PRACTICE_CONTROL`` a folder: commands are taken from the pipe ``SESSION.ctl`` there ·
``PRACTICE_TRUSTED=1`` no start-up dialogs · ``PRACTICE_START_SECONDS`` until the prompt is drawn ·
``PRACTICE_DIE_AFTER`` seconds, or ``LEAST-MOST``: kills itself then."""

from __future__ import annotations

import os

from fleetscripts.practice.transcript import new_id

USAGE = (
    "usage: practice [--session-id ID | --resume ID | --continue] [--permission-mode MODE] [--settings JSON-OR-FILE]"
)
_WITH_VALUE = {
    "--session-id": "session_id",
    "--resume": "resume",
    "-r": "resume",
    "--permission-mode": "permission_mode",
    "--settings": "settings",
    "-n": "name",
    "--name": "name",
    "--model": "model",
    "--disallowedTools": "disallowed_tools",
}


class Options:
    """The options of this run."""

    def __init__(self, argv: list[str], environ: dict[str, str]) -> None:
        """Raises ValueError with the line to print."""
        values = dict.fromkeys(_WITH_VALUE.values(), "")
        words = list(argv)
        self.latest = False
        while words:
            word = words.pop(0)
            if word in ("--continue", "-c"):
                self.latest = True
            elif word == "--dangerously-skip-permissions":
                values["permission_mode"] = "bypassPermissions"
            elif word in _WITH_VALUE and words:
                values[_WITH_VALUE[word]] = words.pop(0)
            else:
                raise ValueError(f"error: unknown or incomplete option '{word}'\n{USAGE}")
        self.resume = values["resume"]
        self.session_id = values["resume"] or values["session_id"] or new_id()
        self.permission_mode = values["permission_mode"] or "default"
        self.settings = values["settings"]
        self.config_dir = environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")
        self.keylog = environ.get("PRACTICE_KEYLOG", "")
        self.control = environ.get("PRACTICE_CONTROL", "")
        self.trusted = environ.get("PRACTICE_TRUSTED") == "1"
        self.start_seconds = float(environ.get("PRACTICE_START_SECONDS") or 0)
        self.die_after = environ.get("PRACTICE_DIE_AFTER", "")
        self.token = environ.get("CLAUDE_CODE_OAUTH_TOKEN", "")

    def die_seconds(self) -> float | None:
        """When to kill ourselves, in seconds from the start."""
        if not self.die_after:
            return None
        least, _, most = self.die_after.partition("-")
        if not most:
            return float(least)
        share = int.from_bytes(os.urandom(4), "big") / 2**32
        return float(least) + share * (float(most) - float(least))
