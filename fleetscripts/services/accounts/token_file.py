"""Stores a token from standard input in a file of its own that only its owner can read."""

from __future__ import annotations

from pathlib import Path

from fleetscripts.account import SUBSCRIPTION, Account, SecretRef
from fleetscripts.adapters.records.account_file import add_account, read_accounts
from fleetscripts.adapters.records.files import private_folder, replace_file
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.core.records.given_token import token_problem
from fleetscripts.errors import FleetError, Refusal


def require_token(text: str) -> str:
    """The token alone; Refusal, without quoting it, if it may not be stored on several machines."""
    if problem := token_problem(text):
        raise Refusal(problem)
    return text.strip()


def keep_token(settings: Settings, account: Account, token: str) -> bool:
    """List the account with this token, or replace the token of the account listed so; returns whether it is new.
    Refusal if an account of that name has its secret elsewhere."""
    if not kind_named(account.agent).accounts.tokens.get(account.provider):
        raise Refusal(f"{account.agent} takes no token for {account.provider}: log in there, and name its config_dir")
    file = settings.fleet_home / "tokens" / account.name
    known = next((one for one in read_accounts(settings.fleet_home) if one.name == account.name), None)
    if known is not None and (known.token is None or known.token.file != str(file)):
        raise Refusal(f"there is an account {account.name!r} already, whose token is not one that was given so")
    _write(file, token)
    if known is None:
        listed = Account(
            account.name, account.provider or SUBSCRIPTION, account.agent, token=SecretRef(file=str(file)),
            environment=account.environment, reserve_percent=account.reserve_percent, may_spend=account.may_spend,
        )  # fmt: skip
        add_account(settings.fleet_home, listed)
    return known is None


def _write(file: Path, token: str) -> None:
    try:
        private_folder(file.parent)
        replace_file(file, token.encode() + b"\n")
    except OSError as error:
        raise FleetError(f"cannot write {file}: {error.strerror}") from error
