"""The command that ``cl`` becomes: the client's arguments as given, in the environment of the chosen account."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from fleetscripts.account import Account
from fleetscripts.adapters.records.account_file import open_to_others, read_accounts
from fleetscripts.adapters.records.secrets import exposed, readable_once
from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.agents.kinds import Words, kind_named
from fleetscripts.config import Settings
from fleetscripts.core.planning.rescue import Pick
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import NotYet, Refusal, UsageProblem
from fleetscripts.invocation import spelled
from fleetscripts.services.accounts.account_environment import ClientEnvironment, environment_on
from fleetscripts.services.accounts.accounts import account_named, is_shared, not_shared, share
from fleetscripts.services.accounts.launcher import earliest_reset, pick
from fleetscripts.services.accounts.programs import program_of
from fleetscripts.services.accounts.status_line import with_status_line
from fleetscripts.services.clients.client_words import session_of
from fleetscripts.services.clients.handover import hand_over
from fleetscripts.services.clients.launch_record import account_of, note_launch, refuse_open


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """The arguments of ``cl``. ``account`` empty: the one with budget."""

    words: tuple[str, ...]
    account: str = ""
    agent: str = DEFAULT_KIND
    folder: Path = Path()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class LaunchLine:
    """The launch. The token is kept apart from the environment until the very start."""

    argv: tuple[str, ...]
    account: Account
    reason: str
    handed: ClientEnvironment = field(repr=False)
    notes: tuple[str, ...] = ()

    def environment_with_token(self) -> dict[str, str]:
        """The client's environment. If it reads its token from a file descriptor, that is opened now."""
        environment = dict(self.handed.environment)
        if self.handed.descriptor_variable:
            environment[self.handed.descriptor_variable] = str(readable_once(self.handed.token))
        elif self.handed.token:
            environment |= dict.fromkeys(self.handed.token_variables, self.handed.token)
        return environment

    def said(self) -> list[str]:
        """What would be done and why, without any secret."""
        account = self.account
        where = [f"config folder {account.config_dir}"] if account.config_dir else []
        where += [f"token from {account.token}"] if account.token else []
        return [
            f"account: {account.name} ({account.provider}, {', '.join(where) or 'the login as it is'})",
            f"because: {self.reason}",
            f"starts: {shlex.join(self.argv)}",
        ]


def launch_line(settings: Settings, environ: Mapping[str, str], asked: LaunchRequest) -> LaunchLine:
    """Choose the account and prepare its client; NotYet if no account has budget."""
    kind = kind_named(asked.agent)
    words = kind.read_words(asked.words)
    session_id = session_of(kind, words, settings, asked.folder)
    if session_id and not words.forks:
        refuse_open(settings, session_id)
    chosen = _chosen(settings, environ, asked, words, session_id)
    account = chosen.account
    accounts = read_accounts(settings.fleet_home)
    program = program_of(account.agent, settings, environ)
    if account not in accounts:
        return LaunchLine((program, *asked.words), account, chosen.reason, ClientEnvironment(environ))
    handed = environment_on(account, environ, accounts)
    notes = [open_to_others(settings.fleet_home), *(exposed(ref) for ref in account.secrets)]
    if chosen.kind_changes:
        handover = hand_over(
            settings,
            kind,
            replace(words, session_id=session_id),
            asked.folder,
            account.agent,
            program,
            write=not asked.dry_run,
        )
        notes.append(handover.note)
        client_words = handover.words
    else:
        notes.append(_reachable(account, settings, words, asked.dry_run))
        client_words = (*_statusline(settings, account, words), *asked.words)
    if session_id and not asked.dry_run and not words.forks:
        note_launch(settings, session_id, account.name, account.agent)
    return LaunchLine((program, *client_words), account, chosen.reason, handed, tuple(note for note in notes if note))


def _chosen(
    settings: Settings, environ: Mapping[str, str], asked: LaunchRequest, words: Words, session_id: str
) -> Pick:
    if asked.account:
        account = account_named(settings, asked.account, asked.agent)
        if account.agent != asked.agent:
            call = f"{spelled('cl')} --agent {account.agent}"
            raise UsageProblem(f"account {account.name} is one of {account.agent}: call {call}")
        return Pick(account, "named by --account")
    models = (words.model,) if words.model else ()
    chosen = pick(settings, environ, agent=asked.agent, keep=account_of(settings, session_id), models=models)
    if chosen is None or (chosen.kind_changes and words.prints):
        raise NotYet(
            f"no account has budget{until(earliest_reset(settings, agent=asked.agent))}; see {spelled('balance')} --why"
        )
    return chosen


def until(resets_at: float) -> str:
    """`` until 14:30 (Fri 20 Nov)``, in this machine's time; empty if unknown."""
    return f" until {time.strftime('%H:%M (%a %d %b)', time.localtime(resets_at))}" if resets_at else ""


def _reachable(account: Account, settings: Settings, words: Words, dry_run: bool) -> str:
    """Whether this account reaches the conversation; a note if it reaches all but later ones."""
    if is_shared(account, settings):
        return ""
    problem = not_shared(account, settings) if dry_run else share(account, settings)
    if problem and words.resumes:
        raise Refusal(f"account {account.name} cannot reach the conversation: {problem}")
    return f"conversations of account {account.name} cannot go on elsewhere: {problem}" if problem else ""


def _statusline(settings: Settings, account: Account, words: Words) -> tuple[str, ...]:
    """Our status line, unless the arguments have settings of their own."""
    kind = kind_named(account.agent)
    text = kind.inline_settings(with_status_line(settings, kind, account.name))
    return () if not text or words.has_settings or words.prints else kind.settings_words(text)
