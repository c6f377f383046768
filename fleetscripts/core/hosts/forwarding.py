"""Translates a call that names an agent on another host into the call to run there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem

OWN_PLACES = ("--state-file", "--tmux-socket", "--fleet-home", "--host")
"""Options about local files, or about which host is meant: they do not apply there."""

TEXT_FILES = ("--file", "--task-file", "--objective-file")
"""Options that name a local text file: its content is sent as standard input."""

LOCAL_FILES = ("--image",)
"""Options that name a file which a client there is to open."""

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class ForwardedCall:
    """The command's arguments there. ``source``: the file sent as its standard input, ``-`` for our own."""

    arguments: tuple[str, ...]
    source: str = ""


def forwarded(arguments: Sequence[str], targets: Mapping[str, str]) -> ForwardedCall:
    """The call without local options. ``targets``: each name as given, and the agent's name there. Raises UsageProblem
    for an option whose local file would have to be there."""
    kept: list[str] = []
    source = ""
    left = list(arguments)
    while left:
        word = left.pop(0)
        option, joined, value = word.partition("=")
        if option in OWN_PLACES:
            if not joined and left:
                left.pop(0)
        elif option in LOCAL_FILES:
            raise UsageProblem(f"{option}: expected no file of this machine for an agent on another")
        elif option in TEXT_FILES:
            source = value if joined else (left.pop(0) if left else "")
            kept += [option, STANDARD_INPUT]
        else:
            source = STANDARD_INPUT if word == STANDARD_INPUT else source
            kept.append(targets.get(word, word))
    return ForwardedCall(tuple(kept), source)
