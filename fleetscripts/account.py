"""Accounts for clients, as listed in ``accounts.toml``. Secrets are named here, never held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TypeAlias

from fleetscripts.agents import DEFAULT_KIND
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

OWN = "own"
"""The user's own login of the default kind, which its client finds by itself. Without an ``accounts.toml`` each kind
has no account but its own login."""

ACCOUNT_VARIABLE = "FLEET_ACCOUNT"
"""In a client's environment: the name of its account."""

SUBSCRIPTION = "subscription"
PROVIDERS = (SUBSCRIPTION, "api", "bedrock", "vertex", "foundry", "gateway")
"""Where the model is served. All but a subscription bill by use."""

NAME = pattern(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
"""No blanks: ``balance --why`` is read by columns, and the name is part of a file's name."""


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A secret's source: exactly one of an environment variable, a file, a command that prints it."""

    env: str = ""
    file: str = ""
    command: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.env:
            return f"variable {self.env}"
        return f"file {self.file}" if self.file else f"command {self.command[0] if self.command else ''}"


Value: TypeAlias = str | SecretRef


@dataclass(frozen=True, slots=True)
class Account:
    """One account. ``config_dir``: the client's own folder, None for the user's. ``order``: place in the file.
    ``reserve_percent`` of each window is left for the user."""

    name: str
    provider: str = SUBSCRIPTION
    agent: str = DEFAULT_KIND
    config_dir: Path | None = None
    token: SecretRef | None = None
    environment: Mapping[str, Value] = field(default_factory=dict)
    order: int = 0
    reserve_percent: float = 0
    may_spend: bool = False

    @property
    def bills_by_use(self) -> bool:
        """Whether each request costs money, beyond a flat subscription."""
        return self.provider != SUBSCRIPTION

    @property
    def may_be_used(self) -> bool:
        """Whether the user allowed its cost."""
        return self.may_spend or not self.bills_by_use

    @property
    def is_own_login(self) -> bool:
        """Whether it is the user's own login, from client and environment."""
        return not self.bills_by_use and self.token is None and self.config_dir is None

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        """Every secret it needs."""
        named = [value for value in self.environment.values() if isinstance(value, SecretRef)]
        return (*((self.token,) if self.token else ()), *named)


def own_account(agent: str = DEFAULT_KIND) -> Account:
    """Represents the user's own login if no accounts are listed."""
    return Account(own_name(agent), agent=agent)


def own_name(agent: str) -> str:
    """The name of the user's own login of that kind: each has limits of its own."""
    return OWN if agent == DEFAULT_KIND else f"{OWN}-{agent}"
