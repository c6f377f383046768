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
NO_ANSWER_SECONDS = 300.0
"""How long an account is left alone after its client did not answer: the machine may be overloaded."""


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """The state of one account. ``logged_in`` None: the client could not be asked."""

    account: Account
    logged_in: bool | None
    version: str = ""
    shared: bool = True
    problems: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether there is no problem."""
        return self.logged_in is not False and not self.problems


def check(account: Account, settings: Settings, environ: Mapping[str, str]) -> AccountCheck:
    """Resolve its secret and ask its client, which answers from its own files, not from a server."""
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
    try:
        logged_in = _logged_in(account, program, handed)
    except _NoAnswer:
        logged_in = None
    if logged_in is False:
        problems.append(_not_logged_in(account, handed.environment))
    return AccountCheck(account, logged_in, version, shared, tuple(problems))


@dataclass(frozen=True, slots=True)
class AccountProblem:
    """Why no client can work on an account now, and for how many seconds; None: for as long as after a refused
    login."""

    why: str
    seconds: float | None = None


def unfit(
    account: Account, settings: Settings, environ: Mapping[str, str], ask_seconds: float = ASK_SECONDS
) -> AccountProblem | None:
    """None if no problem is known. No server is asked."""
    try:
        program = program_of(account.agent, settings, environ)
        handed = environment_on(account, environ)
    except FleetError as error:
        return AccountProblem(str(error))
    try:
        logged_in = _logged_in(account, program, handed, ask_seconds)
    except _NoAnswer:
        why = f"{account.agent} did not say within {ask_seconds:g} s whether it is logged in"
        return AccountProblem(why, NO_ANSWER_SECONDS)
    return AccountProblem(_not_logged_in(account, handed.environment)) if logged_in is False else None


class _NoAnswer(Exception):
    """The client did not answer in time."""


def _logged_in(
    account: Account, program: str, handed: ClientEnvironment, ask_seconds: float = ASK_SECONDS
) -> bool | None:
    """A token counts as a login: only its server knows whether it is still valid, and is not asked here. None if the
    client cannot tell; raises _NoAnswer if it did not answer."""
    if handed.token or account.bills_by_use:
        return True
    kind = kind_named(account.agent)
    question = kind.login_question(handed.environment)
    if not question:
        return None
    done = _run([program, *question], handed.environment, ask_seconds)
    if done is None:
        raise _NoAnswer
    return kind.is_logged_in(done.returncode, done.stdout)


def _not_logged_in(account: Account, environment: Mapping[str, str]) -> str:
    kind = kind_named(account.agent)
    line = kind.login_line(environment.get(kind.home.variable, "") if account.config_dir else "")
    return f"not logged in: {line}" if line else "not logged in"


def _run(
    words: list[str], environment: Mapping[str, str], seconds: float = ASK_SECONDS
) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            words,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _said(words: list[str], environment: Mapping[str, str]) -> str:
    done = _run(words, environment)
    return done.stdout if done is not None and done.returncode == 0 else ""


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:60]
