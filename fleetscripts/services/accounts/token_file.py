"""Stores a token from standard input, if several machines may have it, in a file that only its owner can read."""

from __future__ import annotations

from pathlib import Path

from fleetscripts.account import SUBSCRIPTION, Account, SecretRef
from fleetscripts.adapters.records.account_file import add_account, read_accounts
from fleetscripts.adapters.records.files import private_folder, replace_file
from fleetscripts.agents.kinds import kind_named
from fleetscripts.config import Settings
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.pattern import pattern

MOST_CHARACTERS = 8192
MAKE_ONE = "make a long-lived one with the client's setup-token"
_REFRESH = pattern(r"sk-ant-ort\d\d-.*|rt[_.][A-Za-z0-9_.-]{16,}")
"""A token that each use exchanges for the next one, as in clients' log-ins."""
_SHORT = pattern(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
"""A JSON Web Token, which expires within hours or days."""


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


def token_problem(text: str) -> str:
    """What is wrong with it, without quoting it; empty if nothing is."""
    text = text.strip()
    if not text:
        return "expected a token on standard input, found nothing"
    if text[0] in "{[" or "refresh" in text.lower():
        return (
            "expected a token alone, found a credentials file: its refresh token on two machines logs both out; "
            f"{MAKE_ONE}"
        )
    if len(text) > MOST_CHARACTERS or not text.isascii() or not text.isprintable() or any(map(str.isspace, text)):
        return "expected one word as a token, found more"
    if _REFRESH.fullmatch(text):
        return f"this is a refresh token, and on two machines it logs both out: {MAKE_ONE}"
    if _SHORT.fullmatch(text):
        return f"this token ends within hours, and only its own machine can renew it: {MAKE_ONE}"
    return ""
