"""The caller's names for our commands, so that printed hints can be run as they are.

Set once, by the outermost layer, before a command runs: ``""`` for the bare names, ``fleet-`` for installed commands,
``fleet `` for the front command, a folder with a slash for scripts called by their path."""

from __future__ import annotations

import shlex

_prefix = ""


def called_with(prefix: str) -> None:
    """Set the form for all hints."""
    global _prefix
    _prefix = prefix


def spelled(call: str) -> str:
    """A call of one of our commands (``status --watch``), as the caller would write it."""
    return f"{_prefix}{call}"


def prefix_of_scripts(folder: str, path: str) -> str:
    """The prefix for scripts in this folder; empty if it is on PATH."""
    return "" if folder in path.split(":") else f"{shlex.quote(folder)}/"
