"""Accounts in a test's FLEET_HOME, figures in its ledger, and clients that tell what they were started with."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CLIENT = """#!/bin/sh
# Tells its arguments, its environment, and what can be read from the descriptor that holds its token.
case $1 in
--help) echo "  --no-daemon  Run without the server"; exit 0 ;;
--version) echo "9.9.9 (test client)"; exit 0 ;;
auth) echo '{{"loggedIn": {logged_in}}}'; exit 0 ;;
login) exit {login_exit} ;;
esac
{{
    env -0
    printf 'PID=%s\\0NAME={name}\\0' $$
    if [ -n "$CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR" ]; then
        printf 'TOKEN_READ='; cat "/dev/fd/$CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"; printf '\\0'
    fi
    for word; do printf 'ARGUMENT=%s\\0' "$word"; done
}} > "$HOME/told"
exit 7
"""
EXIT = 7


@dataclass(frozen=True)
class AccountStage:
    """Below a test's home."""

    home: Path

    @classmethod
    def with_clients(cls, home: Path, monkeypatch: pytest.MonkeyPatch) -> AccountStage:
        """With both clients on this process's PATH."""
        made = cls(home)
        made.install("claude", "codex")
        monkeypatch.setenv("PATH", made.path)
        return made

    @property
    def fleet(self) -> Path:
        return self.home / "fleet"

    @property
    def path(self) -> str:
        """The PATH on which the clients stand."""
        return f"{self.home / 'bin'}:/usr/bin:/bin"

    def install(self, *names: str, logged_in: bool = True) -> None:
        """Put clients of these names on the path."""
        (self.home / "bin").mkdir(exist_ok=True)
        for name in names:
            program = self.home / "bin" / name
            answers = {"logged_in": "true" if logged_in else "false", "login_exit": 0 if logged_in else 1}
            program.write_text(CLIENT.format(name=name, **answers))
            program.chmod(0o755)

    def list_accounts(self, text: str) -> Path:
        """Write accounts.toml."""
        self.fleet.mkdir(exist_ok=True)
        file = self.fleet / "accounts.toml"
        file.write_text(text)
        file.chmod(0o600)
        return file

    def secret(self, name: str, value: str) -> Path:
        """A file that holds a token."""
        file = self.home / name
        file.write_text(f"{value}\n")
        file.chmod(0o600)
        return file

    def two_accounts(self) -> None:
        """``work`` and ``home``, each with a token in a file."""
        work, home = self.secret("work.token", "oat-WORK"), self.secret("home.token", "oat-HOME")
        self.list_accounts(
            f'[[account]]\nname = "work"\ntoken = {{ file = "{work}" }}\n\n'
            f'[[account]]\nname = "home"\ntoken = {{ file = "{home}" }}\n'
        )

    def figure(self, account: str, window: str, used: float, resets_in: float = 3600, *, wall: bool = False) -> None:
        """A figure in the ledger, seen a minute ago."""
        from fleetscripts.adapters.records.ledger import AccountLedger

        now = time.time()
        ledger = AccountLedger(self.fleet)
        if wall:
            assert ledger.note_wall(account, window, now + resets_in, now - 60, "transcript")
        else:
            assert ledger.note_usage(account, window, used, now + resets_in, now - 60, "status line")

    def state(self, *agents: Mapping[str, Any]) -> None:
        """A state file with these agents."""
        content = {"active": True, "tmux_session": "fleet", "agents": [dict(agent) for agent in agents]}
        (self.home / "state.json").write_text(json.dumps(content))

    def conversation(self, session_id: str, folder: Path, *records: Mapping[str, Any]) -> Path:
        """A transcript of Claude Code for a session that works in ``folder``."""
        name = "".join(char if char.isalnum() and char.isascii() else "-" for char in str(folder.resolve()))
        file = self.home / ".claude" / "projects" / name / f"{session_id}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
        return file

    def told(self) -> dict[str, str]:
        """What the client was started with: its environment, ``NAME``, ``PID``, ``TOKEN_READ``."""
        pairs = (self.home / "told").read_text().split("\0")
        return {name: value for pair in pairs if pair for name, _, value in [pair.partition("=")] if name != "ARGUMENT"}

    def arguments(self) -> list[str]:
        """Its arguments."""
        pairs = (self.home / "told").read_text().split("\0")
        return [pair.removeprefix("ARGUMENT=") for pair in pairs if pair.startswith("ARGUMENT=")]


def user(text: str) -> dict[str, Any]:
    """A message to the agent, as a transcript has it."""
    return {"type": "user", "message": {"role": "user", "content": text}, "timestamp": "2026-11-20T10:00:00Z"}


def assistant(text: str) -> dict[str, Any]:
    """A message of the agent."""
    blocks = [{"type": "text", "text": text}]
    message = {"role": "assistant", "model": "m", "content": blocks, "stop_reason": "end_turn", "id": "1"}
    return {"type": "assistant", "message": message, "timestamp": "2026-11-20T10:01:00Z"}
