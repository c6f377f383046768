"""``accounts``: the accounts that agents may work on."""

from __future__ import annotations

import getpass
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleetscripts.account import PROVIDERS
from fleetscripts.agents import DEFAULT_KIND, KINDS
from fleetscripts.commands.entry import run
from fleetscripts.commands.options import Finite, json_option, settings_options
from fleetscripts.commands.output import print_json
from fleetscripts.errors import EXIT_NO, Refusal, UsageProblem

if TYPE_CHECKING:
    from fleetscripts.account import Account, SecretRef
    from fleetscripts.config import Settings
    from fleetscripts.services.accounts.account_check import AccountCheck

LONGEST_TOKEN = 65536
HEADINGS = ("ACCOUNT", "CLIENT", "PROVIDER", "TOKEN", "CONFIG FOLDER", "RESERVE", "MAY SPEND")
CHECKED = ("ACCOUNT", "LOGGED IN", "VERSION", "SHARED", "PROBLEMS")


@click.command("accounts")
@click.argument("action", type=click.Choice(["list", "add", "remove", "check"]), default="list", metavar="[ACTION]")
@click.argument("name", default="", metavar="[NAME]")
@click.option("--provider", type=click.Choice(PROVIDERS), default=PROVIDERS[0], help="add: who provides the account.")
@click.option("--agent", type=click.Choice(list(KINDS)), default=DEFAULT_KIND, help="add: the client it is for.")
@click.option(
    "--config-dir", metavar="DIR", type=Path, help="add: the client's configuration folder, already logged in."
)
@click.option("--token-env", metavar="VARIABLE", default="", help="add: environment variable that holds the token.")
@click.option("--token-file", metavar="FILE", type=Path, help="add: file that holds the token.")
@click.option(
    "--token-command", metavar="WORD", multiple=True, help="add: command that prints the token; repeat for each word."
)
@click.option("--token-stdin", is_flag=True, help="add: read the token from standard input into a file of its own.")
@click.option(
    "--env",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    help="add: environment variable for the client (not a secret).",
)
@click.option(
    "--reserve",
    metavar="PERCENT",
    type=Finite(0, 100),
    default=0,
    help="add: part of each usage window to keep for yourself.",
)
@click.option("--may-spend", is_flag=True, help="add: allow its use although it bills by usage.")
@json_option
@settings_options
def command(
    action: str,
    name: str,
    provider: str,
    agent: str,
    config_dir: Path | None,
    token_env: str,
    token_file: Path | None,
    token_command: tuple[str, ...],
    token_stdin: bool,
    variables: tuple[str, ...],
    reserve: float,
    may_spend: bool,
    as_json: bool,
    options: Mapping[str, object],
) -> int:
    """List, add, remove or check the accounts in FLEET_HOME/accounts.toml. Their order there is the order of fallback.

    Secrets are referenced: by an environment variable, a file, or a command that prints the secret. --token-stdin keeps
    one in FLEET_HOME/tokens/NAME, which only you can read; for another machine, see hosts give-account.
    `check` reports for every account (or for NAME) whether its secret can be read, its client is logged in, and its
    conversations are shared; it exits 3 when there is a problem.
    """
    from fleetscripts.account import Account
    from fleetscripts.adapters.records import account_file
    from fleetscripts.services.accounts.account_check import check
    from fleetscripts.services.accounts.accounts import listed
    from fleetscripts.services.context import load_settings_here

    settings = load_settings_here(os.environ, options)
    if problem := account_file.open_to_others(settings.fleet_home):
        print(f"accounts: {problem}", file=sys.stderr)
    if action in ("add", "remove") and not name:
        raise UsageProblem(f"expected accounts {action} NAME, found no name")
    if action == "add":
        account = Account(
            name=name,
            provider=provider,
            agent=agent,
            config_dir=config_dir.absolute() if config_dir is not None else None,
            token=_reference(token_env, token_file, token_command),
            environment=_variables(variables),
            reserve_percent=reserve,
            may_spend=may_spend,
        )
        return _keep(settings, account) if token_stdin else _add(settings, account)
    if action == "remove":
        account_file.remove_account(settings.fleet_home, name)
        print(f"{name} is no longer listed in {account_file.accounts_file(settings.fleet_home)}")
        return 0
    known = [account for account in listed(settings) if name in ("", account.name)]
    if not known:
        raise Refusal(f"no account {name!r} is listed")
    if action == "check":
        return _check([check(account, settings, os.environ) for account in known], as_json)
    _show([members(account) for account in known], [HEADINGS, *map(row, known)], as_json)
    return 0


def _add(settings: Settings, account: Account) -> int:
    from fleetscripts.adapters.records import account_file
    from fleetscripts.services.accounts.accounts import share

    account_file.add_account(settings.fleet_home, account)
    print(f"{account.name} is listed in {account_file.accounts_file(settings.fleet_home)}")
    if problem := share(account, settings):
        print(f"accounts: its conversations cannot continue elsewhere yet: {problem}", file=sys.stderr)
    return 0


def _keep(settings: Settings, account: Account) -> int:
    from fleetscripts.account import NAME
    from fleetscripts.services.accounts.token_file import keep_token, require_token

    if account.token is not None or account.config_dir is not None:
        raise UsageProblem("expected --token-stdin or another place for the login, found both")
    if not NAME.fullmatch(account.name):
        raise UsageProblem("expected an account's name of letters, digits and . _ @ -")
    new = keep_token(settings, account, require_token(read_token()))
    print(f"{account.name} is listed, with its token" if new else f"{account.name} has another token now")
    return 0


def read_token() -> str:
    """The token from standard input, not echoed on a terminal."""
    return getpass.getpass("Token: ") if sys.stdin.isatty() else sys.stdin.read(LONGEST_TOKEN)


def _reference(variable: str, file: Path | None, words: tuple[str, ...]) -> SecretRef | None:
    from fleetscripts.account import SecretRef

    given = [form for form in (variable, file, words) if form]
    if len(given) > 1:
        raise UsageProblem("expected one of --token-env, --token-file, --token-command, found several")
    if not given:
        return None
    return SecretRef(variable, str(file.absolute()) if file else "", words)


def _variables(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageProblem("--env: expected NAME=VALUE")
        found[name] = value
    return found


def _check(checks: list[AccountCheck], as_json: bool) -> int:
    rows: list[tuple[str, ...]] = [CHECKED]
    for one in checks:
        logged_in = {True: "yes", False: "no", None: "unknown"}[one.logged_in]
        shared = "yes" if one.shared else "no"
        rows.append((one.account.name, logged_in, one.version or "?", shared, "; ".join(one.problems) or "-"))
    listed_checks = [
        {
            "account": one.account.name,
            "logged_in": one.logged_in,
            "version": one.version or None,
            "shared": one.shared,
            "problems": list(one.problems),
        }
        for one in checks
    ]
    _show(listed_checks, rows, as_json)
    return 0 if all(one.usable for one in checks) else EXIT_NO


def _show(content: list[dict[str, Any]], rows: list[tuple[str, ...]], as_json: bool) -> None:
    from fleetscripts.core.reports.table import table

    if as_json:
        print_json(content)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n".join(table(rows, width)))


def row(account: Account) -> tuple[str, ...]:
    """One account's cells: its secret's source, never the secret."""
    folder = str(account.config_dir) if account.config_dir else "-"
    spends = ("yes" if account.may_spend else "no") if account.bills_by_use else "-"
    reserve = f"{account.reserve_percent:g}%" if account.reserve_percent else "-"
    token = str(account.token) if account.token else "-"
    return (account.name, account.agent, account.provider, token, folder, reserve, spends)


def members(account: Account) -> dict[str, Any]:
    """The object that ``--json`` prints."""
    return {
        "account": account.name,
        "agent": account.agent,
        "provider": account.provider,
        "token": str(account.token) if account.token else None,
        "config_dir": str(account.config_dir) if account.config_dir else None,
        "environment": sorted(account.environment),
        "reserve_percent": account.reserve_percent,
        "bills_by_use": account.bills_by_use,
        "may_spend": account.may_spend,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return run(command, argv)
