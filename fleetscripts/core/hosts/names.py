"""Names of hosts, addresses for ssh, and agents on hosts: ``HOST/SESSION:WIN``."""

from __future__ import annotations

from fleetscripts.pattern import pattern

MOST_ADDRESS = 255
_NAME = pattern(r"[a-z0-9][a-z0-9-]{0,30}")
_ADDRESS = pattern(r"(?:[A-Za-z0-9._][A-Za-z0-9._-]*@)?[A-Za-z0-9\[:._][A-Za-z0-9._:%\[\]-]*")
"""Nothing that ssh would read as an option, nothing that a shell would read in a user's ``ProxyCommand %h``."""


def valid_name(name: str) -> bool:
    """Whether a host may have this name."""
    return bool(_NAME.fullmatch(name))


def valid_address(address: str) -> bool:
    """Whether it is ``[USER@]HOST`` as ssh takes it: a name, a number, a ``Host`` of the user's configuration."""
    return len(address) <= MOST_ADDRESS and bool(_ADDRESS.fullmatch(address))


def split(target: str) -> tuple[str, str]:
    """Host and handle of ``HOST/HANDLE``; an empty host if there is no host name before a slash."""
    host, slash, handle = target.partition("/")
    return (host, handle) if slash and handle and valid_name(host) else ("", target)
