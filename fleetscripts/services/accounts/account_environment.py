"""What a client's environment becomes on an account: its secret resolved here, what would win over it taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from fleetscripts.account import ACCOUNT_VARIABLE, SUBSCRIPTION, Account, SecretRef
from fleetscripts.adapters.records.secrets import resolve
from fleetscripts.agents.claude import OUTER_SESSION as CLAUDE_OUTER
from fleetscripts.agents.codex import OUTER_SESSION as CODEX_OUTER
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem

OAUTH = "CLAUDE_CODE_OAUTH_TOKEN"

CONFIG_VARIABLES: Mapping[str, str] = {"codex": "CODEX_HOME"}
CLAUDE_CONFIG = "CLAUDE_CONFIG_DIR"

TOKEN_VARIABLES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("claude", SUBSCRIPTION): (OAUTH,),
    ("claude", "api"): ("ANTHROPIC_API_KEY",),
    ("claude", "gateway"): ("ANTHROPIC_AUTH_TOKEN",),
    ("claude", "bedrock"): ("AWS_BEARER_TOKEN_BEDROCK",),
    ("claude", "foundry"): ("ANTHROPIC_FOUNDRY_API_KEY",),
    ("practice", SUBSCRIPTION): (OAUTH,),
    ("codex", "api"): ("OPENAI_API_KEY", "CODEX_API_KEY"),
}
"""Where each client looks for an account's token."""

TOKEN_DESCRIPTORS: Mapping[tuple[str, str], str] = {
    ("claude", OAUTH): "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    ("claude", "ANTHROPIC_API_KEY"): "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
}
"""Client and variable of a token → the variable that names a file descriptor with it. The client reads it to its end,
so that no environment holds the token, its tools' neither. Seen in Claude Code 1.0.128 to 2.1.329, keys from 2.0.76."""

SWITCHES: Mapping[str, str] = {
    "bedrock": "CLAUDE_CODE_USE_BEDROCK",
    "vertex": "CLAUDE_CODE_USE_VERTEX",
    "foundry": "CLAUDE_CODE_USE_FOUNDRY",
}

CREDENTIALS = (
    OAUTH, *TOKEN_DESCRIPTORS.values(), "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_FOUNDRY_API_KEY", "AWS_BEARER_TOKEN_BEDROCK", "OPENAI_API_KEY", "CODEX_API_KEY",
)  # fmt: skip
"""Of the user's environment, what would win over an account's own, or pay in its place."""


@dataclass(frozen=True, slots=True)
class Handed:
    """An environment for a client, and the secret that goes another way. ``token`` empty: there is none."""

    environment: Mapping[str, str]
    token: str = field(default="", repr=False)
    token_variables: tuple[str, ...] = ()
    descriptor_variable: str = ""


def environment_on(account: Account, environ: Mapping[str, str], others: Sequence[Account] = ()) -> Handed:
    """What a client gets that works on this account; no account's secret stands in it but its own.

    ``others``: all accounts, whose variables with secrets are taken away. Raises NoSecret, UsageProblem."""
    unset = {*CLAUDE_OUTER, *CODEX_OUTER, *rivals(account)}
    for other in (*others, account):
        unset |= {ref.env for ref in other.secrets if ref.env}
    environment = {name: value for name, value in environ.items() if name not in unset}
    if account.provider in SWITCHES:
        environment[SWITCHES[account.provider]] = "1"
    _name_config_dir(account, environment)
    for name, value in account.environment.items():
        environment[name] = resolve(value, environ) if isinstance(value, SecretRef) else value
    environment[ACCOUNT_VARIABLE] = account.name
    if account.token is None:
        return Handed(environment)
    variables = TOKEN_VARIABLES.get((account.agent, account.provider), ())
    if not variables:
        raise UsageProblem(
            f"account {account.name}: token: {account.agent} takes none for {account.provider}; "
            "log in there and name its config_dir"
        )
    descriptor = TOKEN_DESCRIPTORS.get((account.agent, variables[0]), "")
    return Handed(environment, resolve(account.token, environ), variables, descriptor)


def _name_config_dir(account: Account, environment: dict[str, str]) -> None:
    """Claude Code keeps the user's ``.claude.json`` inside a folder that is named to it, and beside ``~/.claude`` else:
    named, the default folder lacks it, and the client begins with its first-run set-up."""
    variable = CONFIG_VARIABLES.get(account.agent, CLAUDE_CONFIG)
    if account.config_dir is None:
        return
    default = Path(environment["HOME"]) / ".claude" if environment.get("HOME") else Path.home() / ".claude"
    is_default = variable == CLAUDE_CONFIG and account.config_dir.resolve() == default.resolve()
    if is_default and not (default / ".claude.json").exists():
        environment.pop(variable, None)
    else:
        environment[variable] = str(account.config_dir)


def rivals(account: Account) -> frozenset[str]:
    """What of the user's environment must not decide; the user's own login may rest on their OAuth token."""
    credentials = set(CREDENTIALS) - ({OAUTH} if account.is_own_login else set())
    return frozenset(credentials | set(SWITCHES.values()))
