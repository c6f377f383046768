"""The environment of a client on an account: its secret resolved, conflicting variables removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from fleetscripts.account import ACCOUNT_VARIABLE, Account, SecretRef
from fleetscripts.adapters.records.secrets import resolve
from fleetscripts.agents.kinds import kind_named, known_kinds
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem


@dataclass(frozen=True, slots=True)
class ClientEnvironment:
    """A client's environment, and its secret if passed another way. ``token`` empty: there is none."""

    environment: Mapping[str, str]
    token: str = field(default="", repr=False)
    token_variables: tuple[str, ...] = ()
    descriptor_variable: str = ""


def environment_on(account: Account, environ: Mapping[str, str], others: Sequence[Account] = ()) -> ClientEnvironment:
    """The environment of a client on this account, without any other account's secret. ``others``: all accounts, whose
    secret variables are removed. Raises NoSecret, UsageProblem."""
    kind = kind_named(account.agent)
    unset = {name for known in known_kinds() for name in known.outer_session} | rivals(account)
    for other in (*others, account):
        unset |= {ref.env for ref in other.secrets if ref.env}
    environment = {name: value for name, value in environ.items() if name not in unset}
    if account.provider in kind.accounts.switches:
        environment[kind.accounts.switches[account.provider]] = "1"
    if account.config_dir is not None:
        kind.name_home(account.config_dir, environment)
    for name, value in account.environment.items():
        environment[name] = resolve(value, environ) if isinstance(value, SecretRef) else value
    environment[ACCOUNT_VARIABLE] = account.name
    if account.token is None:
        return ClientEnvironment(environment)
    variables = kind.accounts.tokens.get(account.provider, ())
    if not variables:
        raise UsageProblem(
            f"account {account.name}: token: {account.agent} takes none for {account.provider}; "
            "log in there and name its config_dir"
        )
    descriptor = kind.accounts.descriptors.get(variables[0], "")
    return ClientEnvironment(environment, resolve(account.token, environ), variables, descriptor)


def rivals(account: Account) -> frozenset[str]:
    """Variables of the user's environment to remove: any client's credentials and provider switches. The user's own
    login may depend on some of them."""
    kinds = [kind.accounts for kind in known_kinds()]
    names = {name for known in kinds for name in (*known.credentials, *known.switches.values())}
    return frozenset(names - (kind_named(account.agent).accounts.own_login if account.is_own_login else frozenset()))
