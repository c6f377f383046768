"""The configured accounts and whether each is usable."""

from __future__ import annotations

import os
from pathlib import Path

from fleetscripts.account import OWN, Account, own_account, own_name
from fleetscripts.adapters.records.account_file import read_accounts
from fleetscripts.adapters.records.files import private_folder
from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.core.records.near_names import instead_of
from fleetscripts.errors import FleetError, Refusal, UsageProblem


def listed(settings: Settings, agent: str = DEFAULT_KIND) -> tuple[Account, ...]:
    """The accounts of ``accounts.toml``, and the user's own login if none of this kind is among them."""
    accounts = read_accounts(settings.fleet_home)
    return accounts if any(account.agent == agent for account in accounts) else (own_account(agent), *accounts)


def account_named(settings: Settings, name: str, agent: str = DEFAULT_KIND) -> Account:
    """The account of that name; UsageProblem if there is none, Refusal if its cost was not allowed."""
    known = listed(settings, agent)
    name = on_record(settings, agent, name)
    account = next((account for account in known if account.name == name), None)
    if account is None:
        raise UsageProblem(f"no account {name!r}; {instead_of(name, [other.name for other in known])}")
    if not account.may_be_used:
        raise Refusal(f"account {name} bills by use: set may_spend = true in its entry to allow that")
    return account


def on_record(settings: Settings, agent: str, name: str) -> str:
    """An account's name as a record has it: empty, or in records of earlier versions ``own``, for the own login of any
    kind."""
    if name and (name != OWN or any(account.name == OWN for account in read_accounts(settings.fleet_home))):
        return name
    return own_name(agent)


def is_listed(settings: Settings, account: Account) -> bool:
    """Whether it is in ``accounts.toml``; otherwise it is the user's own login, used as it is."""
    return account in read_accounts(settings.fleet_home)


def conversations(account: Account, settings: Settings) -> tuple[Path, Path]:
    """The conversation folders of this account's client and of the user's own; the whole home if it has none."""
    own, part = settings.home_of(account.agent), kind_named(account.agent).home.conversations
    return (account.config_dir or own) / part, own / part


def is_shared(account: Account, settings: Settings) -> bool:
    """Whether both are one folder, so that a conversation begun on one account continues on another."""
    if account.config_dir is not None and not kind_named(account.agent).home.conversations:
        return False
    theirs, ours = conversations(account, settings)
    return os.path.realpath(theirs) == os.path.realpath(ours)


def not_shared(account: Account, settings: Settings) -> str:
    """Why they are two folders; empty if they are one, or become one automatically at the next start."""
    theirs, ours = conversations(account, settings)
    if not is_shared(account, settings) and not kind_named(account.agent).home.conversations:
        return f"{account.agent} has no folder of conversations that accounts could share"
    if is_shared(account, settings) or not (theirs.is_symlink() or theirs.exists()):
        return ""
    return f"{theirs} is a folder of its own: move what it holds to {ours}, then ln -s {ours} {theirs}"


def share(account: Account, settings: Settings) -> str:
    """Make them one folder if the account has none yet; returns why they stay two, empty if they are one. Never copies:
    two copies of a conversation would diverge."""
    theirs, ours = conversations(account, settings)
    if is_shared(account, settings):
        return ""
    if problem := not_shared(account, settings):
        return problem
    try:
        private_folder(ours)
        private_folder(theirs.parent)
        theirs.symlink_to(ours)
    except OSError as error:
        raise FleetError(f"cannot link {theirs} to {ours}: {error.strerror}") from error
    return ""
