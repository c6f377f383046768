"""Whether an account can be worked on: its secret is there, its client is logged in, its conversations are shared."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from fleetscripts.account import Account
from fleetscripts.adapters.records.secrets import exposed
from fleetscripts.agents.codex import uses_own_provider
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.services.accounts.account_environment import Handed, environment_on
from fleetscripts.services.accounts.accounts import is_shared, not_shared
from fleetscripts.services.accounts.programs import executable

ASK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one account. ``logged_in`` None: the client could not be asked."""

    account: Account
    logged_in: bool | None
    version: str = ""
    shared: bool = True
    problems: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether nothing stands in the way."""
        return self.logged_in is not False and not self.problems


def check(account: Account, settings: Settings, environ: Mapping[str, str]) -> Check:
    """Resolve its secret and ask its client. What the client says itself comes from its files, not from a server."""
    problems = [text for ref in account.secrets if (text := exposed(ref))]
    if text := not_shared(account, settings):
        problems.append(text)
    shared = is_shared(account, settings)
    try:
        program = executable(account.agent, str(getattr(settings, f"{account.agent}_path", "")), environ)
        handed = environment_on(account, environ)
    except FleetError as error:
        return Check(account, None, "", shared, (*problems, str(error)))
    version = _first_line(_said([program, "--version"], handed.environment))
    logged_in = _logged_in(account, program, handed)
    if logged_in is False:
        problems.append(f"not logged in: {_login_line(account, handed.environment)}")
    return Check(account, logged_in, version, shared, tuple(problems))


def unfit(account: Account, settings: Settings, environ: Mapping[str, str]) -> str:
    """Why no client can be put to work on it now; empty when nothing is known against it. No server is asked."""
    try:
        program = executable(account.agent, str(getattr(settings, f"{account.agent}_path", "")), environ)
        handed = environment_on(account, environ)
    except FleetError as error:
        return str(error)
    if _logged_in(account, program, handed) is False:
        return f"not logged in: {_login_line(account, handed.environment)}"
    return ""


def _logged_in(account: Account, program: str, handed: Handed) -> bool | None:
    """A token counts as a login: whether it is still good only its server knows, and nobody is asked here."""
    if account.agent == "practice":
        return True
    if handed.token or account.bills_by_use:
        return True
    if account.agent == "codex":
        home = handed.environment.get("CODEX_HOME") or f"{handed.environment.get('HOME', '~')}/.codex"
        if uses_own_provider(Path(home)):
            return None
        done = _run([program, "login", "status"], handed.environment)
        return None if done is None else done.returncode == 0
    done = _run([program, "auth", "status", "--json"], handed.environment)
    try:
        told = json.loads(done.stdout) if done is not None else {}
    except ValueError:
        return None  # older releases have no such command
    return told["loggedIn"] is True if isinstance(told, dict) and "loggedIn" in told else None


def _login_line(account: Account, environment: Mapping[str, str]) -> str:
    if account.agent == "codex":
        return f"CODEX_HOME={account.config_dir} codex login" if account.config_dir else "codex login"
    folder = environment.get("CLAUDE_CONFIG_DIR") if account.config_dir else None
    return f"CLAUDE_CONFIG_DIR={folder} claude auth login" if folder else "claude auth login"


def _run(words: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            words,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _said(words: list[str], environment: Mapping[str, str]) -> str:
    done = _run(words, environment)
    return done.stdout if done is not None and done.returncode == 0 else ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:60]
