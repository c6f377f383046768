"""Whether an account is usable: its secret can be read, its client is logged in, its conversations are shared."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from fleetscripts.account import Account
from fleetscripts.adapters.records.secrets import exposed
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.services.accounts.account_environment import ClientEnvironment, environment_on
from fleetscripts.services.accounts.accounts import is_shared, not_shared
from fleetscripts.services.accounts.programs import program_of

ASK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class AccountCheck:
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


def check(account: Account, settings: Settings, environ: Mapping[str, str]) -> AccountCheck:
    """Resolve its secret and ask its client. What the client says itself comes from its files, not from a server."""
    problems = [text for ref in account.secrets if (text := exposed(ref))]
    if text := not_shared(account, settings):
        problems.append(text)
    shared = is_shared(account, settings)
    try:
        program = program_of(account.agent, settings, environ)
        handed = environment_on(account, environ)
    except FleetError as error:
        return AccountCheck(account, None, "", shared, (*problems, str(error)))
    version = _first_line(_said([program, "--version"], handed.environment))
    logged_in = _logged_in(account, program, handed)
    if logged_in is False:
        problems.append(f"not logged in: {_login_line(account, handed.environment)}")
    return AccountCheck(account, logged_in, version, shared, tuple(problems))


def unfit(account: Account, settings: Settings, environ: Mapping[str, str]) -> str:
    """Why no client can be put to work on it now; empty when nothing is known against it. No server is asked."""
    try:
        program = program_of(account.agent, settings, environ)
        handed = environment_on(account, environ)
    except FleetError as error:
        return str(error)
    if _logged_in(account, program, handed) is False:
        return f"not logged in: {_login_line(account, handed.environment)}"
    return ""


def _logged_in(account: Account, program: str, handed: ClientEnvironment) -> bool | None:
    """A token counts as a login: whether it is still good only its server knows, and nobody is asked here."""
    if handed.token or account.bills_by_use:
        return True
    kind = kind_named(account.agent)
    question = kind.login_question(handed.environment)
    done = _run([program, *question], handed.environment) if question else None
    return None if done is None else kind.is_logged_in(done.returncode, done.stdout)


def _login_line(account: Account, environment: Mapping[str, str]) -> str:
    kind = kind_named(account.agent)
    return kind.login_line(environment.get(kind.home.variable, "") if account.config_dir else "")


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
