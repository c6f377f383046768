"""Programs for ``/bin/sh`` on another machine, started by its user's login shell, whichever that is."""

from __future__ import annotations

from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

_READ_DIFFERENTLY = pattern(r"['\\!\x00-\x1f\x7f]")
"""Inside single quotes fish reads a backslash, csh an exclamation mark, and both end at a quote."""

_PLAIN = pattern(r"[A-Za-z0-9_./:@%+=,~ -]*")


def in_sh(program: str) -> str:
    """The remote command that runs a program, the same for sh, bash, zsh, fish, csh and nushell."""
    if found := _READ_DIFFERENTLY.search(program):
        raise FleetError(f"no login shell can be trusted to pass on {found[0]!r}")
    return f"/bin/sh -c '{program}'"


def word(value: str) -> str:
    """An outside value as one word of such a program; raises FleetError for one that a shell might interpret."""
    if not _PLAIN.fullmatch(value):
        raise FleetError(f"expected a plain path, found {value[:80]!r}: use one of letters, digits and ._/:@%+=,~-")
    return f'"{value}"'
