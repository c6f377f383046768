"""How whoever called us names our commands, so that a hint can be called as it is printed.

Set once, by the outermost layer, before a command runs: ``""`` for the bare names, ``fleet-`` for installed commands,
``fleet `` for the front command, a folder with a slash for scripts called by their path."""

from __future__ import annotations

import shlex

_prefix = ""


def called_with(prefix: str) -> None:
    """From now on hints name commands so."""
    global _prefix
    _prefix = prefix


def spelled(call: str) -> str:
    """A call of one of our commands (``status --watch``), as the caller would write it."""
    return f"{_prefix}{call}"


def prefix_of_scripts(folder: str, path: str) -> str:
    """What stands before the name of a script in this folder; nothing where PATH has the folder."""
    return "" if folder in path.split(":") else f"{shlex.quote(folder)}/"
